import { isJsonObject } from '@app/core';
import { Injectable } from '@nestjs/common';
import { LostWrites } from './lost-writes.js';
import { type RedisClient, RedisLink } from './redis-link.js';

/** One step, so that whoever read a row earlier cannot put it over what somebody read later. */
const PUT = `
local known = redis.call('GET', KEYS[1])
if known then
  local isJson, copy = pcall(cjson.decode, known)
  if isJson and type(copy) == 'table' and copy.run == ARGV[2] and (tonumber(copy.version) or 0) > tonumber(ARGV[3]) then
    return 0
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[4])
return 1`;

/** Copies of one kind of rows, by id. Nothing here ever fails because of Redis: what is not there is read from the row. */
export interface CopiesOf<T> {
  get(id: string): Promise<T | undefined>;
  /** @param version grows with every change of the row; an older copy never replaces a newer one */
  put(id: string, version: number, value: T, ttlMs: number): Promise<void>;
  delete(ids: readonly string[]): Promise<void>;
}

/**
 * Copies of rows under key names that operators know, `a2a:session:<id>`. Unlike in the `Cache`, the start of Redis to
 * which a copy belongs stands in the copy and not in its key. Without Redis there are none: replicas could not see each
 * other's changes.
 */
@Injectable()
export class HotCopies {
  constructor(private readonly link: RedisLink) {}

  /** Call it once for each kind. @param prefix what the keys begin with, `a2a:session:` */
  of<T>(prefix: string): CopiesOf<T> {
    const { link } = this;
    const lost = new LostWrites(prefix);
    const nameOf = (id: string) => prefix + id;
    link.onReturn((returned) => lost.settle(returned, nameOf));

    const write = async (ids: readonly string[], work: (client: RedisClient) => Promise<unknown>) => {
      if (link.client === undefined || ids.length === 0) return;
      await link.run(work).catch(() => {
        for (const id of ids) lost.add(id);
      });
    };
    return {
      get: async (id) => {
        if (!link.isUp) return undefined;
        const text = await link.run((client) => client.get(nameOf(id))).catch(() => null);
        return text === null ? undefined : (valueIn(text, link.serverRun) as T | undefined);
      },
      put: (id, version, value, ttlMs) => {
        const run = link.serverRun;
        const copy = JSON.stringify({ run, version, value });
        const ttl = String(Math.ceil(ttlMs));
        const args = { keys: [nameOf(id)], arguments: [copy, run, String(version), ttl] };
        return ttlMs > 0 ? write([id], (client) => client.eval(PUT, args)) : Promise.resolve();
      },
      delete: (ids) => write(ids, (client) => client.unlink(ids.map(nameOf))),
    };
  }
}

/** Nothing when an earlier start of Redis wrote it (an older dump may have come back), or somebody else. */
function valueIn(text: string, run: string): unknown {
  try {
    const copy: unknown = JSON.parse(text);
    return isJsonObject(copy) && copy['run'] === run ? copy['value'] : undefined;
  } catch {
    return undefined;
  }
}
