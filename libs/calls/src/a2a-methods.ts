/**
 * The methods of DSL 1.0.3 "A2A Call", which has the names of A2A 0.3. Those without a name for 1.0 are spoken by
 * `libs/a2a`, in either version and binding; the others go as they are, by JSON-RPC.
 */
export const A2A_METHODS = {
  'message/send': {},
  'message/stream': {},
  'tasks/get': {},
  'tasks/cancel': {},
  'tasks/resubscribe': {},
  'tasks/list': { modern: 'ListTasks' },
  'tasks/pushNotificationConfig/set': { modern: 'CreateTaskPushNotificationConfig' },
  'tasks/pushNotificationConfig/get': { modern: 'GetTaskPushNotificationConfig' },
  'tasks/pushNotificationConfig/list': { modern: 'ListTaskPushNotificationConfigs' },
  'tasks/pushNotificationConfig/delete': { modern: 'DeleteTaskPushNotificationConfig' },
  'agent/getAuthenticatedExtendedCard': { modern: 'GetExtendedAgentCard' },
} as const satisfies Record<string, { readonly modern?: string }>;

export type A2aMethod = keyof typeof A2A_METHODS;

export const isA2aMethod = (name: string): name is A2aMethod => Object.hasOwn(A2A_METHODS, name);
