import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import type { Access } from '@app/permissions';
import { type Page, pageOf, startAfter } from '@app/web';
import { resourceOf } from './agent-access.js';
import { Agent } from './agent.entity.js';
import type { AgentQuery, AgentView } from './agents.schemas.js';
import { viewOf } from './agent-view.js';

/** Rows read at a time when only some of them may be seen. */
const BATCH = 500;

/** Finds agents. */
@Injectable()
export class AgentList {
  constructor(@InjectRepository(Agent) private readonly agents: Repository<Agent>) {}

  async page(query: AgentQuery, access: Access): Promise<Page<AgentView>> {
    const page = pageOf(await this.visible(query, access), query.page_size, ({ slug }) => slug);
    return { ...page, items: page.items.map((agent) => viewOf(agent, access)) };
  }

  /** One more than a page has, if there are as many. */
  private async visible(query: AgentQuery, access: Access): Promise<Agent[]> {
    const wanted = query.page_size + 1;
    const size = access.isUnlimited('agents:read') ? wanted : BATCH;
    const found: Agent[] = [];
    let after = query.page_token === undefined ? '' : startAfter(query.page_token);
    for (;;) {
      const rows = await this.read(query, after, size);
      found.push(...rows.filter((agent) => access.allows('agents:read', resourceOf(agent))));
      after = rows.at(-1)?.slug ?? after;
      if (found.length >= wanted || rows.length < size) return found.slice(0, wanted);
    }
  }

  private read({ q, category, tag, skill, enabled }: AgentQuery, after: string, size: number): Promise<Agent[]> {
    const select = this.agents
      .createQueryBuilder('agent')
      .where('agent.slug > :after', { after })
      .orderBy('agent.slug')
      .take(size);
    if (category !== undefined) select.andWhere('agent.category = :category', { category });
    if (tag !== undefined) select.andWhere('agent.tags @> array[:tag]::text[]', { tag });
    if (enabled !== undefined) select.andWhere('agent.enabled = :enabled', { enabled });
    if (skill !== undefined)
      select.andWhere("agent.card -> 'skills' @> cast(:skill as jsonb)", { skill: JSON.stringify([{ id: skill }]) });
    if (q !== undefined)
      select.andWhere("concat_ws(' ', agent.slug, agent.name, agent.description) ilike :pattern", {
        pattern: containing(q),
      });
    return select.getMany();
  }
}

/** `%` and `_` in what people type are letters. */
const containing = (text: string): string => `%${text.replace(/[\\%_]/g, '\\$&')}%`;
