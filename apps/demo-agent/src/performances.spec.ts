import { expect, test } from 'vitest';
import { Performances } from './performances.js';
import { pause, status, type Step } from './steps.js';

const STEPS: readonly Step[] = [status('working'), pause(60_000), status('completed')];

test('a performance that is stopped ends at once and says nothing more', async () => {
  const performances = new Performances();
  const told: unknown[] = [];
  const playing = performances.perform('task', STEPS, (step) => told.push(step));
  performances.stop('another');
  performances.stop('task');
  await playing;
  expect(told).toEqual([status('working')]);
});

test('all end together', async () => {
  const performances = new Performances();
  const playing = ['a', 'b'].map((id) => performances.perform(id, STEPS, () => undefined));
  performances.stopAll();
  await expect(Promise.all(playing)).resolves.toHaveLength(2);
});

test('what goes wrong within a behaviour is not hidden', async () => {
  const broken = function* (): Iterable<Step> {
    yield status('working');
    throw new Error('broken');
  };
  await expect(new Performances().perform('task', broken(), () => undefined)).rejects.toThrow('broken');
});
