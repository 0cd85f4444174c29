import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '@app/core';
import type { Request, Tool } from '@app/mcp-protocol';
import { Ajv2020 } from 'ajv/dist/2020.js';

const ajv = new Ajv2020({ strict: false });
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
const WAV = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=';

export const image = { type: 'image', data: PNG, mimeType: 'image/png' };
export const text = (words: string): { content: JsonObject[] } => ({ content: [{ type: 'text', text: words }] });

export function tool(
  name: string,
  call: (args: JsonObject, request: Request) => JsonObject | Promise<JsonObject>,
  properties: JsonObject = {},
  schema: JsonObject = {},
): Tool {
  const inputSchema = { type: 'object', properties, ...schema };
  const fits = ajv.compile(inputSchema);
  return {
    definition: { name, description: name, inputSchema },
    validate: (args) => (fits(args) ? undefined : ajv.errorsText(fits.errors, { dataVar: 'arguments' })),
    call,
  };
}

const STRING = { type: 'string' };
const ADDRESS = { $anchor: 'addressDef', type: 'object', properties: { street: STRING, city: STRING } };
/** As text: an object literal with a `then` looks like a promise. */
const PHONE_OR_EMAIL = JSON.parse(`{
  "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
  "then": { "required": ["phone"] },
  "else": { "required": ["email"] }
}`) as JsonObject;

export const plainTools: Tool[] = [
  tool('echo', ({ q }) => text(String(q)), { q: STRING }, { required: ['q'] }),
  tool('test_simple_text', () => text('This is a simple text response for testing.')),
  tool('test_image_content', () => ({ content: [image] })),
  tool('test_audio_content', () => ({ content: [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }] })),
  tool('test_embedded_resource', () => ({
    content: [embedded('test://embedded-resource', 'text/plain', 'Embedded.')],
  })),
  tool('test_multiple_content_types', () => ({
    content: [
      { type: 'text', text: 'Multiple content types test:' },
      image,
      embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
    ],
  })),
  tool('test_tool_with_logging', async (_, request) => {
    for (const message of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      request.log('info', message);
      await sleep(50);
    }
    return text('Tool with logging executed successfully');
  }),
  tool('test_tool_with_progress', async (_, request) => {
    for (const done of [0, 50, 100]) {
      request.progress(done, 100, `step ${done}`);
      await sleep(50);
    }
    return text('Tool with progress executed successfully');
  }),
  tool('test_error_handling', () => ({
    ...text('This tool intentionally returns an error for testing'),
    isError: true,
  })),
  tool('test_logging_tool', (_, request) => {
    request.log('info', 'ran');
    return text('logged');
  }),
  tool('test_streaming_elicitation', () => text('nothing to ask')),
  tool('test_x_mcp_header', ({ region }) => text(`region=${String(region)}`), {
    region: { type: 'string', 'x-mcp-header': 'Region' },
    level: { type: 'integer' },
  }),
  tool('routed', (args) => text(JSON.stringify(args)), {
    level: { type: 'integer', 'x-mcp-header': 'Level' },
    place: { type: 'object', properties: { dry: { type: 'boolean', 'x-mcp-header': 'Dry' } } },
  }),
  tool(
    'json_schema_2020_12_tool',
    (args) => text(JSON.stringify(args)),
    {
      name: STRING,
      address: { $ref: '#/$defs/address' },
      contactMethod: { type: 'string', enum: ['phone', 'email'] },
      phone: STRING,
      email: STRING,
    },
    {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $defs: { address: ADDRESS },
      allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
      ...PHONE_OR_EMAIL,
      additionalProperties: false,
    },
  ),
];

function embedded(uri: string, mimeType: string, words: string): JsonObject {
  return { type: 'resource', resource: { uri, mimeType, text: words } };
}
