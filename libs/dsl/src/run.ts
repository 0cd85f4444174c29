import { isJsonObject } from '@app/core';
import { anyObject, type Check, flag, shape, text } from './checks.js';
import { data, membersOf } from './data.js';

const NAME = /^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$/;
/** Semantic Versioning 2.0.0. */
const VERSION =
  /^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?$/;

export const nameCheck = text('a name of up to 63 letters, digits and inner hyphens', { pattern: NAME });
export const versionCheck = text('a semantic version, such as "1.0.0"', { pattern: VERSION, max: 100 });

const input: Check = (value, place) => {
  anyObject(value, place);
  if (isJsonObject(value)) data(value, place);
};
const workflowShape = shape({
  keyword: 'run.workflow',
  what: 'a "workflow" to run',
  fields: {
    namespace: nameCheck,
    name: nameCheck,
    version: (value, place) => (value === 'latest' ? undefined : versionCheck(value, place)),
    input,
  },
  required: ['namespace', 'name'],
});
const workflow: Check = (value, place) => {
  workflowShape(value, place);
  const { namespace, name, version = 'latest' } = membersOf(value);
  if (typeof namespace === 'string' && typeof name === 'string' && typeof version === 'string')
    place.findings.workflows.push({ path: place.path, namespace, name, version });
};

/** DSL 1.0.3, "Run": of its processes only workflows. */
export const run = shape({
  keyword: 'run',
  what: 'a "run"',
  fields: { workflow, await: flag },
  oneOf: ['workflow', 'shell', 'script', 'container'],
});
