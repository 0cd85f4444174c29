import { z } from 'zod';
import { type ControlService, type ControlTool, controlTools, parseInput } from '@app/control';
import { type Caller, DomainError, type JsonObject } from '@app/core';
import type { Tool } from '@app/mcp-protocol';
import { expectedFailure } from './expected-failure.js';
import { errorResult } from './results.js';
import { traceOf } from './trace-of.js';

/** The eight tools that work on all agents: what there is, sessions, and requests that are followed by their id. */
export const controlToolsOf = (control: ControlService): Tool<Caller>[] =>
  controlTools.map((tool) => ({
    definition: definitionOf(tool),
    validate: (args) => problemOf(() => parseInput(tool.input, args)),
    call: async (args, { principal, signal, params }) => {
      try {
        return structured(await tool.call(control, { caller: principal, signal, trace: traceOf(params) }, args));
      } catch (error) {
        const failure = expectedFailure(error);
        if (failure === undefined) throw error;
        return errorResult(failure);
      }
    },
  }));

function definitionOf({ name, title, description, input, output, isReadOnly }: ControlTool) {
  const annotations = { title, readOnlyHint: isReadOnly, openWorldHint: !isReadOnly };
  return {
    name,
    title,
    description,
    inputSchema: z.toJSONSchema(input, { io: 'input' }),
    outputSchema: z.toJSONSchema(output),
    annotations,
  };
}

function problemOf(parse: () => unknown): string | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    if (error instanceof DomainError) return error.message;
    throw error;
  }
}

function structured(value: JsonObject): JsonObject {
  return { content: [{ type: 'text', text: JSON.stringify(value, null, 2) }], structuredContent: value };
}
