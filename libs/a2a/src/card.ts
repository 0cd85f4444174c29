import { DomainError, isJsonObject, type JsonObject } from '@app/core';
import { cleanText, isClean, optionalText, textList } from './clean.js';
import type { AgentCard, AgentInterface, Skill } from './model.js';

export const MAX_CARD_BYTES = 256 * 1024;

/** The bindings we speak, by what agents call them. */
const BINDINGS = new Map([
  ['JSONRPC', 'JSONRPC'],
  ['JSON-RPC', 'JSONRPC'],
  ['HTTP+JSON', 'HTTP+JSON'],
  ['HTTP_JSON', 'HTTP+JSON'],
  ['REST', 'HTTP+JSON'],
]);

/** What an agent that names no modes is taken to read and write. */
const DEFAULT_MODES = ['text/plain'];

/**
 * Normalises an Agent Card of A2A 1.0, 0.3 or 0.2.
 * @param base where the card was found: what its relative or absent addresses mean
 */
export function readCard(raw: unknown, base?: string): AgentCard {
  if (!isJsonObject(raw)) throw invalid('it must be a JSON object');
  if (!isClean(raw)) throw invalid('it holds NUL, halves of characters, or JSON too deep to be stored');
  if (Buffer.byteLength(JSON.stringify(raw)) > MAX_CARD_BYTES) {
    throw new DomainError('too_large', `The agent card is larger than ${MAX_CARD_BYTES} bytes`);
  }
  const name = requiredText(raw, 'name');
  const interfaces = readInterfaces(raw, base);
  if (!interfaces.some(isSpoken)) {
    const bindings = interfaces.map(({ binding }) => binding).join(', ');
    throw invalid(`its interfaces offer ${bindings}; expected one with JSONRPC or HTTP+JSON`);
  }
  const skills = raw.skills ?? [];
  if (!Array.isArray(skills)) throw invalid('`skills` must be a list');
  const capabilities = isJsonObject(raw.capabilities) ? raw.capabilities : {};
  return {
    name,
    description: optionalText(raw.description) ?? '',
    version: optionalText(raw.version) ?? '',
    interfaces,
    streaming: capabilities.streaming === true,
    inputModes: modes(raw.defaultInputModes) ?? DEFAULT_MODES,
    outputModes: modes(raw.defaultOutputModes) ?? DEFAULT_MODES,
    skills: readSkills(skills),
    ...readLinks(raw),
  };
}

/** Whether we can talk to an agent there. */
export const isSpoken = ({ binding }: AgentInterface): boolean => binding === 'JSONRPC' || binding === 'HTTP+JSON';

/** `supportedInterfaces` makes a card 1.0; without it the wire is 0.3, whatever `protocolVersion` claims. */
function readInterfaces(raw: JsonObject, base: string | undefined): AgentInterface[] {
  const declared = raw.supportedInterfaces;
  if (declared !== undefined && !Array.isArray(declared)) throw invalid('`supportedInterfaces` must be a list');
  if (declared && declared.length > 0) {
    return declared.map((entry, index) => readInterface(entry, `supportedInterfaces[${index}]`, base));
  }
  const main = { url: raw.url ?? legacyHome(base), transport: raw.preferredTransport ?? 'JSONRPC' };
  const others = Array.isArray(raw.additionalInterfaces) ? raw.additionalInterfaces : [];
  const all = [main, ...others].map((entry, index) =>
    readLegacyInterface(entry, index === 0 ? 'url' : `additionalInterfaces[${index - 1}].url`, base),
  );
  // The preferred address is listed a second time among the others.
  return all.filter((one, index) => all.findIndex((other) => isSame(one, other)) === index);
}

function readInterface(entry: unknown, field: string, base: string | undefined): AgentInterface {
  if (!isJsonObject(entry)) throw invalid(`\`${field}\` must be an object`);
  const binding = readBinding(entry.protocolBinding ?? entry.transport, `${field}.protocolBinding`);
  const tenant = optionalText(entry.tenant);
  return {
    url: readUrl(entry.url, binding, `${field}.url`, base),
    binding,
    version: optionalText(entry.protocolVersion)?.startsWith('0.') ? '0.3' : '1.0',
    ...(tenant !== undefined && { tenant }),
  };
}

function readLegacyInterface(entry: unknown, field: string, base: string | undefined): AgentInterface {
  if (!isJsonObject(entry)) throw invalid(`\`${field}\` must be an address`);
  const binding = readBinding(entry.transport, field);
  return { url: readUrl(entry.url, binding, field, base), binding, version: '0.3' };
}

const isSame = (a: AgentInterface, b: AgentInterface) => a.url === b.url && a.binding === b.binding;

function readBinding(value: unknown, field: string): string {
  const name = optionalText(value);
  if (name === undefined) throw invalid(`\`${field}\` must name a protocol binding`);
  return BINDINGS.get(name.toUpperCase()) ?? name;
}

/** Addresses of bindings that we don't speak are kept as they are: gRPC's have no scheme. */
function readUrl(value: unknown, binding: string, field: string, base: string | undefined): string {
  if (typeof value !== 'string' || value === '') throw invalid(`\`${field}\` must be the agent's address`);
  if (![...BINDINGS.values()].includes(binding)) return cleanText(value);
  if (!URL.canParse(value, base)) throw invalid(`\`${field}\` is not an address: ${cleanText(value).slice(0, 200)}`);
  const url = new URL(value, base);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw invalid(`\`${field}\` must be an http(s) address`);
  if (url.username !== '' || url.password !== '') throw invalid(`\`${field}\` must not contain credentials`);
  return url.href;
}

/** A legacy card without an address means the place that it describes. */
const legacyHome = (base: string | undefined) => base?.replace(/[?#].*$/, '').replace(/[.]well-known\/.*$/, '');

function requiredText(raw: JsonObject, field: string): string {
  const value = optionalText(raw[field])?.trim();
  if (!value) throw invalid(`\`${field}\` must be a text that is not empty`);
  return value;
}

function modes(value: unknown): string[] | undefined {
  const names = textList(value);
  return names.length > 0 ? names : undefined;
}

/** Skills without an id are known by their name; what has neither cannot be called and is left out. */
function readSkills(entries: readonly unknown[]): Skill[] {
  const skills = new Map<string, Skill>();
  for (const entry of entries) {
    if (!isJsonObject(entry)) continue;
    const id = optionalText(entry.id) ?? optionalText(entry.name);
    if (id === undefined || skills.has(id)) continue;
    const inputModes = modes(entry.inputModes);
    const outputModes = modes(entry.outputModes);
    skills.set(id, {
      id,
      name: optionalText(entry.name) ?? id,
      description: optionalText(entry.description) ?? '',
      tags: textList(entry.tags),
      examples: textList(entry.examples),
      ...(inputModes && { inputModes }),
      ...(outputModes && { outputModes }),
    });
  }
  return [...skills.values()];
}

function readLinks(raw: JsonObject): Pick<AgentCard, 'provider' | 'documentationUrl' | 'iconUrl'> {
  const provider = isJsonObject(raw.provider) ? optionalText(raw.provider.organization) : undefined;
  const documentationUrl = webLink(raw.documentationUrl);
  const iconUrl = webLink(raw.iconUrl);
  return {
    ...(provider !== undefined && { provider }),
    ...(documentationUrl !== undefined && { documentationUrl }),
    ...(iconUrl !== undefined && { iconUrl }),
  };
}

const webLink = (value: unknown): string | undefined => {
  const link = optionalText(value);
  return link !== undefined && /^https?:\/\//i.test(link) ? link : undefined;
};

const invalid = (what: string) => new DomainError('invalid', `Not an A2A agent card: ${what}`);
