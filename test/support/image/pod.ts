import type { Manifest } from '../helm.js';
import { templateOf } from '../manifest-policy.js';

interface KeyRef {
  readonly name: string;
  readonly key: string;
}
interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string | number };
}
interface ServerContainer {
  readonly image: string;
  readonly args?: string[];
  readonly ports: { readonly name: string; readonly containerPort: number }[];
  readonly envFrom: {
    readonly configMapRef?: { readonly name: string };
    readonly secretRef?: { readonly name: string };
  }[];
  readonly env: {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly secretKeyRef: KeyRef };
  }[];
  readonly securityContext: {
    readonly allowPrivilegeEscalation: boolean;
    readonly readOnlyRootFilesystem: boolean;
    readonly capabilities: { readonly drop: string[] };
  };
  readonly resources: { readonly limits: { readonly memory: string } };
  readonly volumeMounts: { readonly name: string; readonly mountPath: string }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly lifecycle: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
}
export interface ServerPod {
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: { readonly runAsUser: number; readonly runAsGroup: number };
  readonly volumes: { readonly name: string; readonly emptyDir?: object }[];
  readonly containers: [ServerContainer];
}

/** The pod of the server, as the chart renders it. */
export function serverPod(manifests: readonly Manifest[]): ServerPod {
  const deployment = manifests.find(
    ({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'a2a-mcp-server',
  );
  if (deployment === undefined) throw new Error('The chart has no deployment a2a-mcp-server');
  return templateOf(deployment)?.spec as unknown as ServerPod;
}

/** Values of ConfigMaps and Secrets by `name/key`; those that are not rendered are given. */
export type ObjectData = Readonly<Record<string, Readonly<Record<string, string>>>>;

export function dataIn(manifests: readonly Manifest[]): ObjectData {
  return Object.fromEntries(
    manifests
      .map((one) => one as Manifest & { data?: Record<string, string>; stringData?: Record<string, string> })
      .filter(({ kind }) => kind === 'ConfigMap' || kind === 'Secret')
      .map(({ metadata, data, stringData }) => [metadata.name, { ...data, ...stringData }]),
  );
}

/** The environment of the container, as a kubelet would make it. */
export function environmentOf(pod: ServerPod, data: ObjectData): Record<string, string> {
  const [{ env, envFrom }] = pod.containers;
  const objectOf = (name: string) => {
    const object = data[name];
    if (object === undefined) throw new Error(`The pod needs ${name}, which is not there`);
    return object;
  };
  const valueOf = ({ name, key }: KeyRef) => {
    const value = objectOf(name)[key];
    if (value === undefined) throw new Error(`The pod needs ${name}/${key}, which is not there`);
    return value;
  };
  return {
    ...Object.assign({}, ...envFrom.map((one) => objectOf((one.configMapRef ?? one.secretRef)?.name ?? ''))),
    ...Object.fromEntries(
      env.map(({ name, value, valueFrom }) => [name, valueFrom ? valueOf(valueFrom.secretKeyRef) : (value ?? '')]),
    ),
  };
}

/** The options of `podman run` that give a container what the pod says of user, files, rights and memory. */
export function podmanOptions(pod: ServerPod): string[] {
  const [{ securityContext, resources, volumeMounts }] = pod.containers;
  const { runAsUser, runAsGroup } = pod.securityContext;
  const mounts = volumeMounts.map(({ name, mountPath }) => {
    if (pod.volumes.find((volume) => volume.name === name)?.emptyDir === undefined)
      throw new Error(`The volume ${name} is no emptyDir; this translation knows no other`);
    return `--mount=type=tmpfs,destination=${mountPath},tmpfs-mode=1777`;
  });
  return [
    `--user=${runAsUser}:${runAsGroup}`,
    `--read-only=${securityContext.readOnlyRootFilesystem}`,
    '--read-only-tmpfs=false',
    ...securityContext.capabilities.drop.map((name) => `--cap-drop=${name}`),
    ...(securityContext.allowPrivilegeEscalation ? [] : ['--security-opt=no-new-privileges']),
    `--memory=${bytesOf(resources.limits.memory)}`,
    ...mounts,
  ];
}

/** The port that a probe of the pod asks, by number. */
export function probePort(pod: ServerPod, { httpGet: { port } }: Probe): number {
  const [{ ports }] = pod.containers;
  const found = ports.find(({ name, containerPort }) => name === port || containerPort === port);
  if (found === undefined) throw new Error(`A probe asks port ${port}, which the container does not open`);
  return found.containerPort;
}

/** A Kubernetes quantity of memory, such as `512Mi`, in bytes. */
export function bytesOf(quantity: string): number {
  const [, amount = '', unit = ''] = /^(\d+)(Ki|Mi|Gi)?$/.exec(quantity) ?? [];
  if (amount === '') throw new Error(`${quantity} is no quantity that this translation knows`);
  return Number(amount) * 1024 ** ['', 'Ki', 'Mi', 'Gi'].indexOf(unit);
}
