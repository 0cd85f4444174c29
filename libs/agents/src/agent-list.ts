import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { type Page, pageOf, startAfter } from '@app/web';
import { Agent } from './agent.entity.js';
import type { AgentQuery, AgentView } from './agents.schemas.js';
import { viewOf } from './agent-view.js';

/** Finds agents. */
@Injectable()
export class AgentList {
  constructor(@InjectRepository(Agent) private readonly agents: Repository<Agent>) {}

  async page(query: AgentQuery): Promise<Page<AgentView>> {
    const select = this.agents
      .createQueryBuilder('agent')
      .orderBy('agent.slug')
      .take(query.page_size + 1);
    const { q, category, tag, skill, enabled, page_token: token } = query;
    if (token !== undefined) select.andWhere('agent.slug > :after', { after: startAfter(token) });
    if (category !== undefined) select.andWhere('agent.category = :category', { category });
    if (tag !== undefined) select.andWhere('agent.tags @> array[:tag]::text[]', { tag });
    if (enabled !== undefined) select.andWhere('agent.enabled = :enabled', { enabled });
    if (skill !== undefined)
      select.andWhere("agent.card -> 'skills' @> cast(:skill as jsonb)", { skill: JSON.stringify([{ id: skill }]) });
    if (q !== undefined)
      select.andWhere("concat_ws(' ', agent.slug, agent.name, agent.description) ilike :pattern", {
        pattern: containing(q),
      });
    const page = pageOf(await select.getMany(), query.page_size, ({ slug }) => slug);
    return { ...page, items: page.items.map(viewOf) };
  }
}

/** `%` and `_` in what people type are letters. */
const containing = (text: string): string => `%${text.replace(/[\\%_]/g, '\\$&')}%`;
