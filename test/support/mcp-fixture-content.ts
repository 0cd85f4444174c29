import type { JsonObject } from '@app/core';
import { type Handler, type Principal, type Request, RpcCode, RpcError } from '@app/mcp-protocol';
import { accepted, form } from './mcp-fixture-input-tools.js';
import { image } from './mcp-fixture-tools.js';

type Handlers = Record<string, Handler<Principal>>;
const PLAIN = 'text/plain';

export const resources: Handlers = {
  'resources/list': () => ({
    resources: [
      { uri: 'test://static-text', name: 'static-text', mimeType: PLAIN },
      { uri: 'test://static-binary', name: 'static-binary', mimeType: 'image/png' },
      { uri: 'test://watched-resource', name: 'watched', mimeType: PLAIN },
    ],
  }),
  'resources/templates/list': () => ({
    resourceTemplates: [{ uriTemplate: 'test://template/{id}/data', name: 'template', mimeType: 'application/json' }],
  }),
  'resources/read': ({ params }) => {
    const uri = String(params.uri);
    const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
    if (id !== undefined) {
      const data = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });
      return { contents: [{ uri, mimeType: 'application/json', text: data }] };
    }
    const content = STATIC[uri];
    if (!content) throw new RpcError(RpcCode.resourceNotFound, `Resource not found: ${uri}`, { uri });
    return { contents: [{ uri, ...content }] };
  },
};

const STATIC: Readonly<Record<string, JsonObject>> = {
  'test://static-text': { mimeType: PLAIN, text: 'This is the content of the static text resource.' },
  'test://static-binary': { mimeType: 'image/png', blob: image.data },
  'test://watched-resource': { mimeType: PLAIN, text: 'Watched' },
};

export const prompts: Handlers = {
  'prompts/list': () => ({
    prompts: Object.entries(PROMPTS).map(([name, { args }]) => ({
      name,
      description: name,
      arguments: args.map((argument) => ({ name: argument, required: true })),
    })),
  }),
  'prompts/get': (request) => {
    const name = String(request.params.name);
    const prompt = PROMPTS[name];
    if (!prompt) throw new RpcError(RpcCode.invalidParams, `Unknown prompt: ${name}`);
    return prompt.get((request.params.arguments ?? {}) as JsonObject, request);
  },
};

interface Prompt {
  args: string[];
  get: (args: JsonObject, request: Request) => JsonObject;
}

const says = (...contents: JsonObject[]): JsonObject => ({
  messages: contents.map((content) => ({ role: 'user', content })),
});
const words = (text: string): JsonObject => ({ type: 'text', text });

const PROMPTS: Readonly<Record<string, Prompt>> = {
  test_simple_prompt: { args: [], get: () => says(words('This is a simple prompt for testing.')) },
  test_prompt_with_arguments: {
    args: ['arg1', 'arg2'],
    get: ({ arg1, arg2 }) => says(words(`Prompt with arguments: arg1='${String(arg1)}', arg2='${String(arg2)}'`)),
  },
  test_prompt_with_embedded_resource: {
    args: ['resourceUri'],
    get: ({ resourceUri: uri }) =>
      says(
        { type: 'resource', resource: { uri, mimeType: PLAIN, text: 'Embedded resource content for testing.' } },
        words('Please process the embedded resource above.'),
      ),
  },
  test_prompt_with_image: { args: [], get: () => says(image, words('Please analyze the image above.')) },
  test_input_required_result_prompt: {
    args: [],
    get: (_, request) => {
      const context = accepted(request, 'user_context')?.context;
      if (typeof context === 'string') return says(words(`Use the following context: ${context}`));
      const question = form('What context should the prompt use?', { context: { type: 'string' } });
      return request.inputRequired({ user_context: question });
    },
  },
};

export const completions: Handlers = {
  'completion/complete': () => ({ completion: { values: [], total: 0, hasMore: false } }),
};
