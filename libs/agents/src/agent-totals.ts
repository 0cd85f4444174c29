import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Cache } from '@app/cache';

/** Asked without credentials, so it must be cheap however often it is asked. */
const REMEMBER_MS = 1_000;

export interface Totals {
  readonly total: number;
  readonly enabled: number;
  readonly disabled: number;
  /** Agents by category. */
  readonly categories: Record<string, number>;
  /** Agents by tag. */
  readonly tags: Record<string, number>;
}

/** How many agents there are. */
@Injectable()
export class AgentTotals {
  constructor(
    private readonly dataSource: DataSource,
    private readonly cache: Cache,
  ) {}

  read(): Promise<Totals> {
    return this.cache.wrap('agent-totals', REMEMBER_MS, async () => {
      const [row] = (await this.dataSource.query(`
        select
          count(*)::int as total,
          (count(*) filter (where enabled))::int as enabled,
          (count(*) filter (where not enabled))::int as disabled,
          (select coalesce(jsonb_object_agg(category, n), '{}')
             from (select category, count(*) as n from agents group by category) by_category) as categories,
          (select coalesce(jsonb_object_agg(tag, n), '{}')
             from (select tag, count(*) as n from agents, unnest(tags) as tag group by tag) by_tag) as tags
        from agents`)) as [Totals];
      return row;
    });
  }
}
