import type { z } from 'zod';
import type { Call, JsonObject } from '@app/core';
import type { ControlService } from './control.service.js';
import * as schemas from './control.schemas.js';
import { parseInput } from './parse-input.js';

/** One of the eight: what it takes and gives, and what it does. Every door shows it in its own way. */
export interface ControlTool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: z.ZodObject;
  readonly output: z.ZodObject;
  /** Changes nothing. */
  readonly isReadOnly: boolean;
  /** @throws DomainError invalid, naming the field, when the input does not fit */
  call(control: ControlService, call: Call, input: unknown): Promise<JsonObject>;
}

interface Definition<I extends z.ZodObject, O extends z.ZodObject> extends Omit<
  ControlTool,
  'call' | 'input' | 'output'
> {
  readonly input: I;
  readonly output: O;
  readonly run: (control: ControlService, call: Call, input: z.infer<I>) => z.infer<O> | Promise<z.infer<O>>;
}

export const controlTools: readonly ControlTool[] = [
  tool({
    name: 'list_agents',
    title: 'List agents',
    description: 'Lists the agents you may call, with their skills and the tools to call them with.',
    input: schemas.ListAgents,
    output: schemas.AgentSummaries,
    isReadOnly: true,
    run: (control, call, input) => control.listAgents(call, input),
  }),
  tool({
    name: 'describe_agent',
    title: 'Describe an agent',
    description: 'Describes one agent: its skills with examples, what it takes and gives, and its tools.',
    input: schemas.DescribeAgent,
    output: schemas.AgentDetails,
    isReadOnly: true,
    run: (control, call, input) => control.describeAgent(call, input),
  }),
  tool({
    name: 'open_session',
    title: 'Open a session',
    description: 'Opens a conversation: agents remember what was said to them earlier in the same session.',
    input: schemas.OpenSession,
    output: schemas.SessionView,
    isReadOnly: false,
    run: (control, call, input) => control.openSession(call, input),
  }),
  tool({
    name: 'close_session',
    title: 'Close a session',
    description: 'Ends a conversation; its requests stay.',
    input: schemas.CloseSession,
    output: schemas.SessionClosed,
    isReadOnly: false,
    run: (control, call, input) => control.closeSession(call, input),
  }),
  tool({
    name: 'invoke_agent',
    title: 'Invoke an agent',
    description:
      'Starts a request to an agent and returns at once with its requestId: ask get_status how it goes, or follow streamUrl. ' +
      'With the requestId of a request that is input_required it answers that one.',
    input: schemas.InvokeAgent,
    output: schemas.Invocation,
    isReadOnly: false,
    run: (control, call, input) => control.invokeAgent(call, input),
  }),
  tool({
    name: 'handoff',
    title: 'Hand a result to another agent',
    description: 'Starts a request to another agent with the result and the session of one that is done.',
    input: schemas.Handoff,
    output: schemas.Invocation,
    isReadOnly: false,
    run: (control, call, input) => control.handoff(call, input),
  }),
  tool({
    name: 'cancel',
    title: 'Cancel a request',
    description: 'Cancels a request, at its agent too. Final.',
    input: schemas.Cancel,
    output: schemas.Cancellation,
    isReadOnly: false,
    run: (control, call, input) => control.cancel(call, input),
  }),
  tool({
    name: 'get_status',
    title: 'Get the status of a request',
    description: 'Tells how a request goes, what its agent asks, and what came of it.',
    input: schemas.GetStatus,
    output: schemas.RequestView,
    isReadOnly: true,
    run: (control, call, input) => control.getStatus(call, input),
  }),
];

function tool<I extends z.ZodObject, O extends z.ZodObject>({ run, ...definition }: Definition<I, O>): ControlTool {
  return {
    ...definition,
    call: async (control, call, given) => run(control, call, parseInput(definition.input, given)),
  };
}
