import type { DemoAgent } from './agent.js';
import { KEY_HEADER, KEY_PARAMETER } from './guard.js';

type JsonObject = Record<string, unknown>;

/** How one agent is offered. */
export interface Variant {
  /** Which A2A version its card and its wire speak. */
  readonly version: '1.0' | '0.3';
  readonly streaming: boolean;
  /** Bindings in order of preference. */
  readonly bindings: readonly ('JSONRPC' | 'HTTP+JSON')[];
}

/** The agent card in the shape of the variant's version; `base` ends in a slash. */
export function cardOf(agent: DemoAgent, name: string, variant: Variant, base: string): JsonObject {
  const common = {
    name,
    description: agent.description,
    version: '1.0.0',
    provider: { organization: 'A2A MCP Server demo', url: 'https://a2a-protocol.org' },
    defaultInputModes: agent.inputModes,
    defaultOutputModes: agent.outputModes,
    skills: agent.skills,
  };
  const shape = variant.version === '1.0' ? shape10 : shape03;
  return { ...common, ...shape(variant, base), ...(agent.guarded === true ? SECURITY[variant.version] : {}) };
}

function shape10({ bindings, streaming, version }: Variant, base: string): JsonObject {
  return {
    supportedInterfaces: bindings.map((binding) => ({
      url: urlOf(binding, base),
      protocolBinding: binding,
      protocolVersion: version,
    })),
    capabilities: { streaming, pushNotifications: false },
  };
}

function shape03({ bindings, streaming }: Variant, base: string): JsonObject {
  const interfaces = bindings.map((transport) => ({ url: urlOf(transport, base), transport }));
  return {
    protocolVersion: '0.3.0',
    url: interfaces[0]?.url,
    preferredTransport: interfaces[0]?.transport,
    additionalInterfaces: interfaces,
    capabilities: { streaming, pushNotifications: false, stateTransitionHistory: false },
  };
}

const urlOf = (binding: Variant['bindings'][number], base: string): string =>
  binding === 'JSONRPC' ? base : `${base}rest`;

const SECURITY: Readonly<Record<Variant['version'], JsonObject>> = {
  '1.0': {
    securitySchemes: {
      bearer: { httpAuthSecurityScheme: { scheme: 'Bearer' } },
      header: { apiKeySecurityScheme: { location: 'header', name: KEY_HEADER } },
      query: { apiKeySecurityScheme: { location: 'query', name: KEY_PARAMETER } },
    },
    securityRequirements: ['bearer', 'header', 'query'].map((scheme) => ({ schemes: { [scheme]: { list: [] } } })),
  },
  '0.3': {
    securitySchemes: {
      bearer: { type: 'http', scheme: 'Bearer' },
      header: { type: 'apiKey', in: 'header', name: KEY_HEADER },
      query: { type: 'apiKey', in: 'query', name: KEY_PARAMETER },
    },
    security: [{ bearer: [] }, { header: [] }, { query: [] }],
  },
};
