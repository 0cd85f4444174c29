/** The requests that are sent, ready to go. */
const JSON_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
const MODERN = '2026-07-28';
const LEGACY = '2025-11-25';

/** `tools/call` of the modern era: it stands alone. */
export function modernCall(url, name, args, key) {
  const headers = { ...JSON_HEADERS, ...keyHeader(key) };
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': MODERN,
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  return {
    url,
    headers: { ...headers, 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/call', 'mcp-name': name },
    body: rpc('tools/call', { name, arguments: args, _meta }),
  };
}

/** `tools/list` of the modern era. */
export function modernList(url, key) {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': MODERN,
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const headers = { ...JSON_HEADERS, ...keyHeader(key), 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/list' };
  return { url, headers, body: rpc('tools/list', { _meta }) };
}

/** `tools/call` of the legacy era, in a session made here. */
export async function legacyCall(url, name, args, key) {
  const headers = { ...JSON_HEADERS, ...keyHeader(key) };
  const clientInfo = { name: 'bench', version: '1.0.0' };
  const body = rpc('initialize', { protocolVersion: LEGACY, capabilities: {}, clientInfo });
  const response = await fetch(url, { method: 'POST', headers, body });
  await response.text();
  const session = { 'mcp-session-id': response.headers.get('mcp-session-id'), 'mcp-protocol-version': LEGACY };
  return { url, headers: { ...headers, ...session }, body: rpc('tools/call', { name, arguments: args }) };
}

/** What a client of A2A 1.0 sends to an agent, without the client. */
export function agentCall(url, text, streamed) {
  const message = { messageId: 'bench', role: 'ROLE_USER', parts: [{ text }] };
  return {
    url,
    headers: {
      'content-type': 'application/json',
      accept: streamed ? 'text/event-stream' : 'application/json',
      'a2a-version': '1.0',
    },
    body: rpc(streamed ? 'SendStreamingMessage' : 'SendMessage', { message }),
  };
}

const keyHeader = (key) => (key === undefined ? {} : { authorization: `Bearer ${key}` });
const rpc = (method, params) => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
