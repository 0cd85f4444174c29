import type { JsonObject } from '@app/core';
import { membersOf } from './data.js';
import type { Definition } from './definition.js';
import { checkDocument, DSL_VERSIONS } from './document.js';
import { checkFunctionCalls } from './functions.js';
import { type AgentCall, Findings, type FoundExpression, Place, type WorkflowCall } from './place.js';
import type { Problem } from './problems.js';
import { readSource } from './source.js';
import { tasksOf } from './walk.js';

export type Reading =
  | { readonly definition: Definition; readonly problems: readonly [] }
  | { readonly definition?: undefined; readonly problems: readonly Problem[] };

/**
 * Reads and checks a definition: YAML or JSON text, or the object it stands for. What is returned is written in DSL 1.0.3,
 * whichever version it came in, and holds what that leaves out but means. Never throws for what somebody sent; every problem is
 * told once, up to `LIMITS.problems`.
 */
export function readDefinition(source: string | object): Reading {
  const read = readSource(source);
  if ('problem' in read) return { problems: [read.problem] };
  const findings = examine(read.document);
  if (findings.problems.list.length > 0) return { problems: findings.problems.list };
  const definition = normalised(read.document);
  known.set(definition, findings);
  return { definition, problems: [] };
}

/** Each runtime expression of a checked definition. */
export const expressionsOf = (definition: Definition): readonly FoundExpression[] => findingsOf(definition).expressions;

/** Each `call: agent` that names its agent, rather than have an expression find it. */
export const agentsOf = (definition: Definition): readonly AgentCall[] => findingsOf(definition).agents;

/** Each workflow that is run by a definition. */
export const workflowsOf = (definition: Definition): readonly WorkflowCall[] => findingsOf(definition).workflows;

/** Names of the secrets that a definition may read. */
export const secretsOf = (definition: Definition): readonly string[] => definition.use?.secrets ?? [];

/** Which rows of the table of keywords a definition makes use of. */
export const keywordsOf = (definition: Definition): ReadonlySet<string> => findingsOf(definition).keywords;

const known = new WeakMap<object, Findings>();

function findingsOf(definition: Definition): Findings {
  const findings = known.get(definition) ?? examine(definition as unknown as JsonObject);
  known.set(definition, findings);
  return findings;
}

function examine(document: JsonObject): Findings {
  const findings = new Findings(document);
  const place = new Place(findings);
  checkDocument(document, place);
  checkFunctionCalls(document, place);
  return findings;
}

/** Writes a checked document, which nobody else has, as DSL 1.0.3 has it. */
function normalised(document: JsonObject): Definition {
  for (const { task } of tasksOf(document)) {
    // "Workflow Process": the version is `latest` when none is named, but the schema insists on one.
    if ('run' in task) Object.assign(task.run.workflow, { version: task.run.workflow.version ?? 'latest' });
    const { details, ...others } = membersOf(membersOf(membersOf(membersOf(task).catch).errors).with);
    // "Error": the attribute is called `detail`; only the schema's filter of errors says `details`.
    if ('try' in task && details !== undefined)
      Object.assign(membersOf(task.catch.errors), { with: { detail: details, ...others } });
  }
  const definition = document as unknown as Definition;
  return { ...definition, document: { ...definition.document, dsl: DSL_VERSIONS[3] } };
}
