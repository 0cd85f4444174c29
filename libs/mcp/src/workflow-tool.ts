import { createHash } from 'node:crypto';
import { isJsonObject, type JsonObject } from '@app/core';
import { compileSchema } from '@app/dsl';
import type { Workflow } from '@app/workflows';
import { wordsOf } from './arguments.js';

/** As tools of agents are named: it fits every client with its own prefix. */
const MAX_NAME_LENGTH = 48;
const HASH_LENGTH = 8;
/** Goes into a model's context. */
const MAX_DESCRIPTION_LENGTH = 2_000;
const INPUT = 'input';

/**
 * `run_` and the name with underscores; a hash is added where that would be too long. No tool of an agent has this form: a
 * slug has no underscore, and a skill is set off by two.
 */
export function toolNameOf(name: string): string {
  const plain = `run_${name.replaceAll('-', '_')}`;
  if (plain.length <= MAX_NAME_LENGTH) return plain;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_LENGTH);
  return `${plain.slice(0, MAX_NAME_LENGTH - HASH_LENGTH - 1)}-${hash}`;
}

export const titleOf = ({ title, name }: Pick<Workflow, 'title' | 'name'>): string => title ?? name;

export function descriptionOf({ name, summary, definition }: Workflow): string {
  const tasks = definition.do.flatMap((item) => Object.keys(item)).join(', ');
  const text = `${summary ?? `Runs the workflow ${name}.`}\n\nA workflow of the tasks: ${tasks}.`;
  return text.length <= MAX_DESCRIPTION_LENGTH ? text : `${text.slice(0, MAX_DESCRIPTION_LENGTH - 1)}…`;
}

/** What a tool takes, and how that becomes the input of a run. */
export interface ToolArguments {
  readonly schema: JsonObject;
  /** What is wrong with arguments, naming the field; undefined when nothing is. */
  readonly problemWith: (args: JsonObject) => string | undefined;
  readonly inputOf: (args: JsonObject) => unknown;
}

/** Arguments of MCP are objects: the input itself where it is one, else they hold it as `input`. */
export function argumentsOf({ definition }: Pick<Workflow, 'definition'>): ToolArguments {
  const document = definition.input?.schema?.document;
  if (document === undefined) return { schema: { type: 'object' }, problemWith: () => undefined, inputOf: itself };
  const check = checkOf(document);
  if (takesObject(document))
    return { schema: { ...document, type: 'object' }, problemWith: (args) => check(args), inputOf: itself };
  // References within the schema would lead elsewhere; the run checks its input anyway.
  const inner = JSON.stringify(document).includes('"$ref"') ? {} : document;
  return {
    schema: { type: 'object', properties: { [INPUT]: inner }, required: [INPUT], additionalProperties: false },
    problemWith: (args) => wrapped(args) ?? check(args[INPUT]),
    inputOf: (args) => args[INPUT],
  };
}

const itself = (args: JsonObject): JsonObject => args;

const takesObject = ({ type }: JsonObject): boolean =>
  type === undefined || type === 'object' || (Array.isArray(type) && type.includes('object'));

function wrapped(args: JsonObject): string | undefined {
  if (!Object.hasOwn(args, INPUT)) return `${INPUT}: is required`;
  const other = Object.keys(args).find((name) => name !== INPUT);
  return other === undefined ? undefined : `${other}: is not an argument of this tool`;
}

/** Compiled when it is asked first: most tools are only shown. */
function checkOf(document: JsonObject): (value: unknown) => string | undefined {
  let validate: ReturnType<typeof compileSchema> | undefined;
  return (value) => {
    validate ??= compileSchema(document);
    return validate(value) ? undefined : wordsOf(validate.errors);
  };
}

/** A schema for people who have no tool: any JSON where nothing is said. */
export const inputSchemaOf = ({ definition }: Pick<Workflow, 'definition'>): JsonObject => {
  const document = definition.input?.schema?.document;
  return isJsonObject(document) ? document : {};
};
