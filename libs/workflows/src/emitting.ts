import { problemOf, WorkflowError } from './problems.js';

interface Emitted {
  readonly source: string;
  readonly id: string;
  readonly type: string;
  readonly event: Readonly<Record<string, unknown>>;
}

/** A CloudEvent of these attributes, with what they leave out. @throws WorkflowError when it has no type */
export function eventFrom(
  attributes: Readonly<Record<string, unknown>>,
  standard: { readonly id: string; readonly workflow: string },
): Emitted {
  const event = {
    specversion: '1.0',
    id: standard.id,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    ...attributes,
  };
  const source = textOr(event, 'source', `/api/v1/workflows/${standard.workflow}`);
  const id = textOr(event, 'id', standard.id);
  const type = textOr(event, 'type', '');
  if (type === '') throw new WorkflowError(problemOf('validation', 'emit: the event has no type'));
  return { source, id, type, event: { ...event, id, source } };
}

/** An attribute of an event that must be a text (CloudEvents 1.0). */
function textOr(event: Readonly<Record<string, unknown>>, name: string, otherwise: string): string {
  const value = event[name];
  return typeof value === 'string' && value !== '' ? value : otherwise;
}
