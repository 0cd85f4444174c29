import { isJsonObject, type JsonObject } from '@app/core';
import { membersOf } from './data.js';
import type { Task } from './definition.js';
import type { Place } from './place.js';
import { tasksOfFunction } from './walk.js';

/** Functions that call each other in a ring would never end. Told at the first function of each ring. */
export function checkFunctionCalls(document: JsonObject, place: Place): void {
  const functions = membersOf(membersOf(document.use).functions);
  const finished = new Set<string>();
  const visit = (name: string, trail: readonly string[]): void => {
    const start = trail.indexOf(name);
    if (start >= 0) return told(trail.slice(start), place);
    if (finished.has(name)) return;
    for (const called of callsIn(name, functions)) visit(called, [...trail, name]);
    finished.add(name);
  };
  for (const name of Object.keys(functions)) visit(name, []);
}

function told(ring: readonly string[], place: Place): void {
  const [first = ''] = ring;
  const here = place.at('use').at('functions').at(first);
  here.problem(`The function calls itself without end: ${[...ring, first].join(' → ')}.`);
}

/** Functions that are called by any task of a function. */
function callsIn(name: string, functions: JsonObject): string[] {
  return [...tasksOfFunction(name, functions[name] as Task)]
    .map(({ task }) => (isJsonObject(task) ? task.call : undefined))
    .filter((call): call is string => typeof call === 'string' && Object.hasOwn(functions, call));
}
