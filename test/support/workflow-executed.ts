import { isJsonObject } from '@app/core';
import type { Definition } from '@app/dsl';

/** The definition without the tasks that no run began. */
export function startedOnly(definition: Definition, started: ReadonlySet<string>): Definition {
  const escape = (name: string) => name.replaceAll('~', '~0').replaceAll('/', '~1');
  const prune = (value: unknown, pointer: string): unknown => {
    if (Array.isArray(value))
      return value.flatMap((item: unknown, index) => {
        const [name] = isJsonObject(item) ? Object.keys(item) : [];
        const isTask = name !== undefined && /\/(?:do|try|branches|compensate)$|^\/do$/.test(pointer);
        if (isTask && !started.has(`${pointer}/${index}/${escape(name)}`)) return [];
        return [prune(item, `${pointer}/${index}`)];
      });
    if (!isJsonObject(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, one]) => [key, prune(one, `${pointer}/${escape(key)}`)]),
    );
  };
  return prune(definition, '') as Definition;
}
