import type { JsonObject } from '@app/core';
import type { InputRequest, Request, Tool } from '@app/mcp-protocol';
import { text, tool } from './mcp-fixture-tools.js';

const STRING = { type: 'string' };
const CHOICES = ['option1', 'option2', 'option3'];

export function form(message: string, properties: JsonObject, required: string[] = []): InputRequest {
  const requestedSchema = { type: 'object', properties, required };
  return { method: 'elicitation/create', params: { mode: 'form', message, requestedSchema } };
}

export function sample(words: string, maxTokens: number): InputRequest {
  const messages = [{ role: 'user', content: { type: 'text', text: words } }];
  return { method: 'sampling/createMessage', params: { messages, maxTokens } };
}

const ROOTS: InputRequest = { method: 'roots/list' };
const nameForm = (): InputRequest => form('What is your name?', { name: STRING }, ['name']);
const confirmForm = (): InputRequest => form('Please confirm', { ok: { type: 'boolean' } });
const titled = (word: string): JsonObject[] =>
  ['First', 'Second', 'Third'].map((nth, index) => ({ const: `value${index + 1}`, title: `${nth} ${word}` }));

/** What the client filled in, if it did. */
export function accepted(request: Request, key: string): Record<string, unknown> | undefined {
  const answer = request.answers?.[key];
  return answer?.action === 'accept' ? (answer.content as Record<string, unknown> | undefined) : undefined;
}

const words = (answer: JsonObject | undefined): string | undefined => (answer?.content as { text?: string })?.text;

/** Asks one form and tells what came back. */
function eliciting(name: string, question: (args: JsonObject) => InputRequest, properties: JsonObject = {}): Tool {
  const ask = (args: JsonObject, request: Request): JsonObject => {
    const answer = request.answers?.answer;
    if (!answer) return request.inputRequired({ answer: question(args) });
    const content = JSON.stringify(answer.content ?? {});
    return text(`Elicitation completed: action=${String(answer.action)}, content=${content}`);
  };
  return tool(name, ask, properties);
}

const pushed: Tool[] = [
  tool(
    'test_sampling',
    ({ prompt }, request) => {
      const answer = request.answers?.answer;
      if (!answer) return request.inputRequired({ answer: sample(String(prompt), 100) });
      return text(`LLM response: ${words(answer)}`);
    },
    { prompt: STRING },
  ),
  eliciting('test_elicitation', ({ message }) => form(String(message), { response: STRING }, ['response']), {
    message: STRING,
  }),
  eliciting('test_elicitation_sep1034_defaults', () =>
    form('defaults', {
      name: { type: 'string', default: 'John Doe' },
      age: { type: 'integer', default: 30 },
      score: { type: 'number', default: 95.5 },
      status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
      verified: { type: 'boolean', default: true },
    }),
  ),
  eliciting('test_elicitation_sep1330_enums', () =>
    form('enums', {
      untitledSingle: { type: 'string', enum: CHOICES },
      titledSingle: { type: 'string', oneOf: titled('Option') },
      legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['Option 1', 'Option 2', 'Option 3'] },
      untitledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { type: 'string', enum: CHOICES } },
      titledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { anyOf: titled('Choice') } },
    }),
  ),
];

const carried: Tool[] = [
  tool('test_missing_capability', (_, request) =>
    request.answers ? text('done') : request.inputRequired({ llm_answer: sample('ping', 16) }),
  ),
  tool('test_input_required_result_elicitation', (_, request) => {
    const name = accepted(request, 'user_name')?.name;
    return typeof name === 'string' ? text(`Hello, ${name}!`) : request.inputRequired({ user_name: nameForm() });
  }),
  tool('test_input_required_result_sampling', (_, request) => {
    const answer = request.answers?.capital_question;
    if (answer) return text(`Sampling response: ${words(answer)}`);
    return request.inputRequired({ capital_question: sample('What is the capital of France?', 100) });
  }),
  tool('test_input_required_result_list_roots', (_, request) => {
    const answer = request.answers?.client_roots;
    return answer ? text(`roots ${JSON.stringify(answer.roots)}`) : request.inputRequired({ client_roots: ROOTS });
  }),
  tool('test_input_required_result_request_state', (_, request) =>
    accepted(request, 'confirm') && request.state?.asked === 'once'
      ? text('state-ok: verified')
      : request.inputRequired({ confirm: confirmForm() }, { asked: 'once' }),
  ),
  tool('test_input_required_result_tampered_state', (_, request) =>
    accepted(request, 'confirm') ? text('integrity-ok') : request.inputRequired({ confirm: confirmForm() }, { a: 1 }),
  ),
  tool('test_input_required_result_multiple_inputs', (_, request) => {
    const name = accepted(request, 'user_name')?.name;
    const { greeting, client_roots: roots } = request.answers ?? {};
    if (name && greeting && roots) return text(`${words(greeting)} ${JSON.stringify([name, roots.roots])}`);
    return request.inputRequired({ user_name: nameForm(), greeting: sample('Greet', 50), client_roots: ROOTS });
  }),
  tool('test_input_required_result_multi_round', (_, request) => {
    const { round = 0, name } = request.state ?? {};
    if (round === 0) return request.inputRequired({ step1: form('Step 1: Name?', { name: STRING }) }, { round: 1 });
    if (round === 1) {
      const given = accepted(request, 'step1')?.name;
      return request.inputRequired({ step2: form('Step 2: Color?', { color: STRING }) }, { round: 2, name: given });
    }
    return text(`Multi-round complete: ${String(name)} likes ${String(accepted(request, 'step2')?.color)}`);
  }),
  tool('test_input_required_result_capabilities', (_, request) => {
    if (request.answers) return text('fulfilled');
    const { elicitation, sampling, roots } = request.capabilities;
    const questions = {
      ...(elicitation !== undefined && { user_name: nameForm() }),
      ...(sampling !== undefined && { greeting: sample('Generate a short greeting', 50) }),
      ...(roots !== undefined && { client_roots: ROOTS }),
    };
    return Object.keys(questions).length > 0 ? request.inputRequired(questions) : text('none');
  }),
];

export const inputTools: Tool[] = [...pushed, ...carried];
