import { ganttOf, graphOf, type TaskState, tasksOf } from '@app/dsl';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mermaid } from './support/mermaid.js';
import { definitionOf, exampleTexts, withTasks } from './support/workflows.js';

const STATES: readonly TaskState[] = [
  'pending',
  'running',
  'waiting',
  'completed',
  'faulted',
  'cancelled',
  'suspended',
  'skipped',
];

const name = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 80 }),
    fc.constantFrom(
      'x"] --> y',
      'end ',
      'subgraph',
      '#35;',
      '%% a',
      '`a`',
      'a:b',
      'title x',
      '<b>',
      '1. a',
      '- a',
      'é🙂',
      '\n',
      ';',
      '"',
    ),
  )
  .filter((text) => text.trim() !== '' && !['continue', 'exit', 'end', '__proto__'].includes(text));

/** Lists of tasks of every kind, with names as bad as they may be. */
const { tasks } = fc.letrec<{ tasks: object[]; task: object }>((tie) => ({
  tasks: fc
    .uniqueArray(fc.tuple(name, tie('task')), { minLength: 1, maxLength: 3, selector: ([key]) => key })
    .map((list) => list.map(([key, task]) => Object.fromEntries([[key, task]]))),
  task: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constant({ set: { x: 1 } }),
    fc.constant({ wait: 'PT1S', then: 'exit' }),
    fc.constant({ if: '.x', raise: { error: { type: 'https://example.com/a', status: 500 } }, then: 'end' }),
    fc.uniqueArray(name, { minLength: 1, maxLength: 3 }).map((cases) => ({
      switch: cases.map((one, i) => ({ [one]: { when: `.x == ${i}`, then: i % 2 ? 'end' : 'continue' } })),
    })),
    tie('tasks').map((list) => ({ do: list })),
    tie('tasks').map((list) => ({ for: { in: '.x' }, do: list })),
    tie('tasks').map((list) => ({ fork: { branches: list } })),
    fc
      .tuple(tie('tasks'), tie('tasks'))
      .map(([list, mend]) => ({ try: list, catch: { retry: { delay: 'PT1S' }, do: mend } })),
  ),
}));

describe('the picture of a workflow', () => {
  test('shows flow, branches, loops, errors and states', () => {
    const definition = definitionOf(
      withTasks([
        { ask: { call: 'agent', with: { agent: 'echo', message: 'a' } } },
        { both: { fork: { branches: [{ left: { wait: 'PT1S' } }, { right: { set: { x: 1 } } }] } } },
        { route: { switch: [{ again: { when: '.x', then: 'ask' } }] } },
      ]),
    );
    const states = new Map<string, TaskState>([
      ['/do/0/ask', 'completed'],
      ['/do/1/both', 'running'],
      ['/do/1/both/fork/branches/1/right', 'running'],
    ]);
    expect(graphOf(definition, states).split('\n')).toEqual([
      'flowchart TD',
      '  n0((" "))',
      '  n1["ask<br/>call agent"]',
      '  subgraph g2["both"]',
      '    n3{{"fork"}}',
      '    n4{{"all"}}',
      '    n5(["left<br/>wait"])',
      '    n6["right<br/>set"]',
      '  end',
      '  n7{"route"}',
      '  finish(((" ")))',
      '  n3 --> n5',
      '  n5 --> n4',
      '  n3 --> n6',
      '  n6 --> n4',
      '  n1 --> n3',
      '  n4 --> n7',
      '  n7 -->|"again"| n1',
      '  n0 --> n1',
      '  n7 -->|"otherwise"| finish',
      '  classDef completed fill:#dafbe1,stroke:#1a7f37,color:#044f1e',
      '  class n1 completed',
      '  classDef running fill:#ddf4ff,stroke:#0969da,color:#0a3069,stroke-width:2px',
      '  class g2,n6 running',
      '',
    ]);
  });

  test.each([...exampleTexts])('of %s is Mermaid', async (_, text) => {
    const definition = definitionOf(text);
    const states = new Map(
      [...tasksOf(definition)].map(({ pointer }, i) => [pointer, STATES[i % STATES.length] ?? 'pending']),
    );
    await expect(mermaid.parse(graphOf(definition, states))).resolves.toMatchObject({ diagramType: 'flowchart-v2' });
  });

  test('is Mermaid whatever tasks are called', async () => {
    await fc.assert(
      fc.asyncProperty(tasks, async (list) => {
        const definition = definitionOf(withTasks(list));
        expect(await mermaid.parse(graphOf(definition))).toMatchObject({ diagramType: 'flowchart-v2' });
      }),
      { numRuns: 150, seed: 7 },
    );
  });
});

describe('the times of a run', () => {
  const at = (ms: number): Date => new Date(1_900_000_000_000 + ms);

  test('are a Gantt chart with a section for each task that holds others', () => {
    const chart = ganttOf([
      { pointer: '/do/0/ask', name: 'ask', start: at(0), end: at(10), state: 'completed' },
      { pointer: '/do/1/both/fork/branches/0/left', name: 'left', start: at(10), end: at(10), state: 'faulted' },
      { pointer: '/do/1/both/fork/branches/1/right', name: 'right', start: at(12), state: 'running' },
    ]);
    expect(chart.split('\n').slice(3)).toEqual([
      '  section • workflow',
      '  • ask :done, 1900000000000, 1900000000010',
      '  section • both',
      '  • left :crit, 1900000000010, 1900000000011',
      '  • right :active, 1900000000012, 1900000000013',
      '',
    ]);
  });

  test('are Mermaid whatever tasks are called, and when there are none', async () => {
    await expect(mermaid.parse(ganttOf([]))).resolves.toMatchObject({ diagramType: 'gantt' });
    await fc.assert(
      fc.asyncProperty(name, fc.constantFrom(...STATES), async (called, state) => {
        const chart = ganttOf([{ pointer: '/do/0/x/do/0/y', name: called, start: at(0), state }]);
        expect(await mermaid.parse(chart)).toMatchObject({ diagramType: 'gantt' });
      }),
      { numRuns: 200, seed: 7 },
    );
  });
});
