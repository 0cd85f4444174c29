import type { Random } from '../random.js';
import { deep, notABoolean, notAList, notAnObject, notAString, UNKNOWN_KEY } from './garbage.js';

type Wrong = (random: Random) => unknown;

const notADefinition: Wrong = (random) => random.pick([null, 1, true, [], '']);

/** What each route that takes a body takes, and what each field certainly is not. */
export const BODIES: Record<string, { valid: Record<string, unknown>; wrong: Record<string, Wrong> }> = {
  'POST /api/v1/agents': {
    valid: { url: 'http://127.0.0.1:9/' },
    wrong: {
      url: notAString,
      slug: notAString,
      tags: notAList,
      enabled: notABoolean,
      resend: notAString,
      headers: notAnObject,
      credentials: notAnObject,
    },
  },
  'PATCH /api/v1/agents/echo': {
    valid: { category: 'x' },
    wrong: {
      category: notAString,
      tags: notAList,
      enabled: notABoolean,
      maxConcurrency: (random) => random.pick([0, -1, 1.5, 'x', []]),
    },
  },
  'PUT /api/v1/agents/echo/credentials': {
    valid: { type: 'bearer', token: 'x' },
    wrong: { type: notAString, token: notAString },
  },
  'POST /api/v1/api-keys': {
    valid: { name: 'x' },
    wrong: { name: notAString, roles: notAList, groups: notAList, principal: notAString, expiresAt: notAString },
  },
  'PUT /api/v1/rate-limits': {
    valid: { principal: 'user:x', perMinute: 1, burst: 1 },
    wrong: {
      principal: notAString,
      agent: notAString,
      perMinute: (random) => random.pick([0, -1, 1.5, 'x', [], 1e12]),
      requestBytes: (random) => random.pick([0, -1, 1.5, 'x', [], 1e12]),
      reason: notAString,
      expiresAt: notAString,
    },
  },
  'POST /api/v1/rate-limits/blocked': {
    valid: { principal: 'user:x' },
    wrong: { principal: notAString, network: notAString, reason: notAString, expiresAt: notAString },
  },
  'PUT /api/v1/secrets/echo': {
    valid: { value: 'x' },
    wrong: { value: (random) => random.pick([null, JSON.parse(deep(100))]) as unknown },
  },
  'POST /api/v1/permissions/grants': {
    valid: { principal: 'user:x', actions: ['agents:read'], resources: '*' },
    wrong: {
      principal: notAString,
      effect: notAString,
      actions: notAList,
      resources: notAList,
      timeRange: notAnObject,
      expiresAt: notAString,
      delegable: notABoolean,
      reason: notAString,
    },
  },
  'POST /api/v1/permissions/requests': {
    valid: { actions: ['agents:read'], resources: '*', reason: 'x' },
    wrong: {
      actions: notAList,
      resources: notAList,
      timeRange: notAnObject,
      expiresAt: notAString,
      reason: notAString,
    },
  },
  'POST /api/v1/permissions/explain': {
    valid: { action: 'agents:read' },
    wrong: { action: notAString, agent: notAString, principal: notAString, at: notAString },
  },
  'POST /api/v1/workflows/dry-run': {
    valid: { definition: 'do: []' },
    wrong: { definition: (random) => random.pick([null, 1, true, '', []]), answers: notAnObject },
  },
  'POST /api/v1/workflows': {
    valid: { definition: 'document: {}' },
    wrong: { definition: notADefinition, status: notAString },
  },
  'POST /api/v1/workflows/validate': {
    valid: { definition: 'document: {}' },
    wrong: { definition: notADefinition },
  },
  'POST /api/v1/workflows/echo/runs': {
    valid: { input: {} },
    wrong: { version: notAString, sessionId: notAString },
  },
  'POST /api/v1/workflows/echo/dry-run': { valid: {}, wrong: { answers: notAnObject } },
  'POST /api/v1/workflows/echo/schedule': { valid: { paused: true }, wrong: { paused: notABoolean } },
  'POST /api/v1/approvals/:wrong/answer': { valid: { answer: { approved: true } }, wrong: { answer: notAnObject } },
  'POST /api/v1/events': {
    valid: { specversion: '1.0', id: 'x', source: '/x', type: 'x' },
    wrong: {
      specversion: (random) => random.pick(['0.3', '', 1, null]),
      id: notAString,
      source: notAString,
      type: notAString,
    },
  },
  'POST /api/v1/sessions': { valid: {}, wrong: { sessionId: notAString } },
  'POST /api/v1/tasks': {
    valid: { agent: 'echo', message: 'x' },
    wrong: {
      agent: notAString,
      message: notAString,
      data: notAnObject,
      files: notAList,
      skill: notAString,
      contextId: notAString,
      sessionId: notAString,
    },
  },
  'POST /api/v1/tasks/:task/messages': {
    valid: { message: 'x' },
    wrong: { message: notAString, data: notAnObject, files: notAList },
  },
};

/** Routes with an id, which here is never one of the caller's. */
export const IDS = [
  'GET /api/v1/tasks/:task',
  'GET /api/v1/tasks/:task/events',
  'GET /api/v1/tasks/:task/artifacts/echo',
  'POST /api/v1/tasks/:task/cancel',
  'GET /api/v1/sessions/:session',
  'DELETE /api/v1/sessions/:session',
  'GET /api/v1/agents/:wrong',
  'GET /api/v1/agents/:wrong/card',
  'GET /api/v1/agents/:wrong/health',
  'POST /api/v1/agents/:wrong/refresh',
  'POST /api/v1/agents/:wrong/enable',
  'POST /api/v1/agents/:wrong/disable',
  'DELETE /api/v1/agents/:wrong',
  'DELETE /api/v1/agents/:wrong/credentials',
  'DELETE /api/v1/api-keys/:wrong',
  'POST /api/v1/api-keys/:wrong/rotate',
  'DELETE /api/v1/rate-limits/:wrong',
  'DELETE /api/v1/rate-limits/blocked/:wrong',
  'DELETE /api/v1/secrets/:wrong',
  'GET /api/v1/workflows/:wrong',
  'GET /api/v1/workflows/:wrong/versions',
  'GET /api/v1/workflows/:wrong/runs',
  'POST /api/v1/workflows/:wrong/enable',
  'POST /api/v1/workflows/:wrong/disable',
  'DELETE /api/v1/workflows/:wrong',
  'GET /api/v1/runs/:wrong',
  'GET /api/v1/runs/:wrong/timeline',
  'GET /api/v1/runs/:wrong/graph',
  'POST /api/v1/runs/:wrong/cancel',
  'POST /api/v1/runs/:wrong/pause',
  'POST /api/v1/runs/:wrong/resume',
  'POST /api/v1/runs/:wrong/retry',
  'POST /api/v1/runs/:wrong/rerun',
  'GET /api/v1/permissions/grants/:wrong',
  'DELETE /api/v1/permissions/grants/:wrong',
  'GET /api/v1/permissions/requests/:wrong',
  'POST /api/v1/permissions/requests/:wrong/approve',
  'POST /api/v1/permissions/requests/:wrong/deny',
];

export const LISTS = [
  'agents',
  'api-keys',
  'tasks',
  'sessions',
  'permissions/grants',
  'permissions/requests',
  'permissions/roles',
  'permissions/me',
  'rate-limits',
  'rate-limits/blocked',
  'rate-limits/hits',
  'audit',
  'secrets',
  'workflows',
  'approvals',
];
export const PARAMETERS = [
  'page_size',
  'page_token',
  'agent',
  'state',
  'session',
  'enabled',
  'q',
  'run',
  'status',
  'tag',
  'category',
  'from',
  UNKNOWN_KEY,
];

/** The routes that are tried here; a route that is missing is noticed by comparing with OpenAPI. */
export const ROUTES = [...Object.keys(BODIES), ...IDS, ...LISTS.map((list) => `GET /api/v1/${list}`)];
