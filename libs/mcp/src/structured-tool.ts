import { z } from 'zod';
import { parseInput } from '@app/control';
import { type Call, type Caller, DomainError, type JsonObject } from '@app/core';
import type { Tool } from '@app/mcp-protocol';
import { expectedFailure } from './expected-failure.js';
import { errorResult } from './results.js';

/** Names of schemas are for OpenAPI: clients of MCP want everything in its place, without references. */
class WithoutNames extends z.core.$ZodRegistry<z.core.GlobalMeta> {
  override get<S extends z.core.$ZodType>(schema: S): (z.core.GlobalMeta & object) | undefined {
    const known = z.globalRegistry.get(schema);
    return known && { ...known, id: undefined };
  }
}
const metadata = new WithoutNames();

/** A tool of the server itself: what it takes and gives, and what it does. */
interface StructuredTool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: z.ZodObject;
  readonly output: z.ZodObject;
  /** Changes nothing. */
  readonly isReadOnly: boolean;
  /** @throws DomainError */
  readonly call: (call: Call, input: unknown) => Promise<JsonObject>;
}

interface ServerTool<I extends z.ZodObject, O extends z.ZodObject> extends Omit<
  StructuredTool,
  'call' | 'input' | 'output'
> {
  readonly input: I;
  readonly output: O;
  /** @throws DomainError */
  readonly run: (call: Call, input: z.infer<I>) => Promise<z.infer<O>>;
}

/** The same for a tool whose input has been read as its schema says. */
export const serverTool = <I extends z.ZodObject, O extends z.ZodObject>({
  run,
  ...tool
}: ServerTool<I, O>): Tool<Caller> =>
  structuredTool({
    ...tool,
    call: async (call, given) => (await run(call, parseInput(tool.input, given))) as JsonObject,
  });

/** As an MCP tool with an output schema; what it cannot do is a result that the model can act on. */
export function structuredTool({ call, ...tool }: StructuredTool): Tool<Caller> {
  return {
    definition: definitionOf(tool),
    validate: (args) => problemOf(() => parseInput(tool.input, args)),
    call: async (args, { principal, signal, trace }) => {
      try {
        return structured(await call({ caller: principal, signal, trace }, args));
      } catch (error) {
        const failure = expectedFailure(error);
        if (failure === undefined) throw error;
        return errorResult(failure);
      }
    },
  };
}

function definitionOf({ name, title, description, input, output, isReadOnly }: Omit<StructuredTool, 'call'>) {
  const annotations = { title, readOnlyHint: isReadOnly, openWorldHint: !isReadOnly };
  return {
    name,
    title,
    description,
    inputSchema: z.toJSONSchema(input, { io: 'input', metadata }),
    outputSchema: z.toJSONSchema(output, { metadata }),
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
