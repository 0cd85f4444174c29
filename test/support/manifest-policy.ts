import type { Manifest } from './helm.js';

interface Container {
  readonly name: string;
  readonly image: string;
  readonly ports?: { readonly name?: string; readonly containerPort: number }[];
  readonly env?: {
    readonly name: string;
    readonly valueFrom?: { readonly secretKeyRef?: { readonly name: string; readonly key: string } };
  }[];
  readonly volumeMounts?: { readonly name: string }[];
  readonly securityContext?: Record<string, unknown>;
  readonly resources?: { readonly requests?: Record<string, string>; readonly limits?: Record<string, string> };
  readonly [probe: string]: unknown;
}
export interface PodSpec {
  readonly containers: Container[];
  readonly initContainers?: Container[];
  readonly volumes?: { readonly name: string; readonly hostPath?: unknown }[];
  readonly securityContext?: Record<string, unknown>;
  readonly automountServiceAccountToken?: boolean;
}
interface Template {
  readonly metadata?: { readonly labels?: Record<string, string> };
  readonly spec: PodSpec;
}
type Spec = Record<string, unknown> & {
  readonly selector?: Record<string, string> & { readonly matchLabels?: Record<string, string> };
};

const LABEL = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

export const specOf = (manifest: Manifest): Spec => (manifest.spec ?? {}) as Spec;

/** Of whatever makes pods. */
export function templateOf(manifest: Manifest): Template | undefined {
  if (manifest.kind === 'Pod') return { metadata: manifest.metadata, spec: specOf(manifest) as unknown as PodSpec };
  const spec = specOf(manifest) as { template?: Template; jobTemplate?: { spec?: { template?: Template } } };
  return spec.jobTemplate?.spec?.template ?? spec.template;
}

const includes = (all: Record<string, string> = {}, some: Record<string, string> = {}): boolean =>
  Object.entries(some).every(([key, value]) => all[key] === value);

/** What an API server takes and a cluster then does not run, or not safely: references, selectors, Pod Security "restricted". */
export function policyProblems(manifests: readonly Manifest[]): string[] {
  const seen = new Set<string>();
  return manifests.flatMap((manifest) => {
    const id = `${manifest.kind}/${manifest.metadata.name}`;
    const problems = [
      ...(seen.has(id) ? ['stands twice'] : []),
      ...namesOf(manifest),
      ...podProblems(manifest, manifests),
      ...(CHECKS[manifest.kind]?.(manifest, manifests) ?? []),
    ];
    seen.add(id);
    return problems.map((problem) => `${id}: ${problem}`);
  });
}

function namesOf({ metadata: { name, labels = {} } }: Manifest): string[] {
  const wrong = Object.entries(labels).filter(([, value]) => !LABEL.test(value) || value.length > 63);
  return [...(NAME.test(name) ? [] : ['bad name']), ...wrong.map(([key, value]) => `label ${key}=${value}`)];
}

function podProblems(manifest: Manifest, all: readonly Manifest[]): string[] {
  const template = templateOf(manifest);
  if (template === undefined) return [];
  const { spec } = template;
  const claims = (specOf(manifest)['volumeClaimTemplates'] ?? []) as Manifest[];
  const volumes = [...(spec.volumes ?? []).map(({ name }) => name), ...claims.map(({ metadata }) => metadata.name)];
  const selector = specOf(manifest).selector?.matchLabels;
  return [
    ...(selector !== undefined && !includes(template.metadata?.labels, selector)
      ? ['selector does not fit its pods']
      : []),
    ...((spec.volumes ?? []).some(({ hostPath }) => hostPath !== undefined) ? ['hostPath'] : []),
    ...(spec.automountServiceAccountToken === false ? [] : ['mounts a service account token']),
    ...[...(spec.initContainers ?? []), ...spec.containers].flatMap((container) =>
      containerProblems(container, spec, volumes, all).map((problem) => `${container.name}: ${problem}`),
    ),
  ];
}

function containerProblems(container: Container, pod: PodSpec, volumes: string[], all: readonly Manifest[]): string[] {
  const { image, ports = [], env = [], volumeMounts = [], resources } = container;
  const portNames = ports.map(({ name }) => name);
  const probes = ['startupProbe', 'livenessProbe', 'readinessProbe'].flatMap((probe) => {
    const port = (container[probe] as { httpGet?: { port?: unknown } } | undefined)?.httpGet?.port;
    return typeof port === 'string' && !portNames.includes(port) ? [`${probe} asks port ${port}`] : [];
  });
  const names = env.map(({ name }) => name);
  return [
    ...volumeMounts.filter(({ name }) => !volumes.includes(name)).map(({ name }) => `no volume ${name}`),
    ...probes,
    ...(new Set(names).size === names.length ? [] : ['a variable stands twice']),
    ...env.flatMap(({ valueFrom }) =>
      valueFrom?.secretKeyRef === undefined ? [] : missingKey(valueFrom.secretKeyRef, all),
    ),
    ...(/:latest$|^[^:@]+$/.test(image) ? [`floating tag ${image}`] : []),
    ...(resources?.requests === undefined || resources.limits?.['memory'] === undefined
      ? ['no requests or no memory limit']
      : []),
    ...restricted({ ...pod.securityContext, ...container.securityContext }),
  ];
}

function missingKey({ name, key }: { name: string; key: string }, all: readonly Manifest[]): string[] {
  const secret = all.find((one) => one.kind === 'Secret' && one.metadata.name === name) as
    (Manifest & { stringData?: object; data?: object }) | undefined;
  if (secret === undefined || key in { ...secret.stringData, ...secret.data }) return [];
  return [`the secret ${name} has no ${key}`];
}

/** Pod Security Standards, "restricted", and a root file system that nobody writes. */
function restricted(context: Record<string, unknown>): string[] {
  const { seccompProfile, capabilities } = context as {
    seccompProfile?: { type?: string };
    capabilities?: { drop?: string[] };
  };
  const rules: [boolean, string][] = [
    [context['runAsNonRoot'] === true, 'may run as root'],
    [context['allowPrivilegeEscalation'] === false, 'may gain privileges'],
    [context['readOnlyRootFilesystem'] === true, 'may write its root file system'],
    [context['privileged'] !== true, 'is privileged'],
    [capabilities?.drop?.includes('ALL') === true, 'keeps capabilities'],
    [['RuntimeDefault', 'Localhost'].includes(seccompProfile?.type ?? ''), 'has no seccomp profile'],
  ];
  return rules.flatMap(([isRight, problem]) => (isRight ? [] : [problem]));
}

const CHECKS: Readonly<Record<string, (manifest: Manifest, all: readonly Manifest[]) => string[]>> = {
  Service: (manifest, all) => {
    const { selector, ports } = specOf(manifest) as {
      selector?: Record<string, string>;
      ports: { port: number; targetPort?: unknown }[];
    };
    if (selector === undefined) return [];
    const pods = all
      .flatMap((one) => templateOf(one) ?? [])
      .filter(({ metadata }) => includes(metadata?.labels, selector));
    const open = pods.flatMap(({ spec }) =>
      spec.containers.flatMap((container) => (container.ports ?? []).map(({ name }) => name)),
    );
    return [
      ...(pods.length === 0 ? ['selects no pod'] : []),
      ...ports.filter(({ port }) => port < 1 || port > 65_535).map(({ port }) => `port ${port}`),
      ...ports.flatMap(({ targetPort }) =>
        typeof targetPort === 'string' && !open.includes(targetPort) ? [`no port ${targetPort}`] : [],
      ),
    ];
  },
  HorizontalPodAutoscaler: (manifest, all) => {
    const { scaleTargetRef: target } = specOf(manifest) as unknown as {
      scaleTargetRef: { kind: string; name: string };
    };
    const scaled = all.find(({ kind, metadata }) => kind === target.kind && metadata.name === target.name);
    if (scaled === undefined) return [`no ${target.kind} ${target.name}`];
    const requests = templateOf(scaled)?.spec.containers.every(({ resources }) => resources?.requests !== undefined);
    return [
      ...('replicas' in specOf(scaled) ? ['its target sets replicas'] : []),
      ...(requests === true ? [] : ['its target has no requests']),
    ];
  },
  PodDisruptionBudget: (manifest, all) => {
    const spec = specOf(manifest);
    const isFitting = all.some((one) => includes(templateOf(one)?.metadata?.labels, spec.selector?.matchLabels));
    return [
      ...('minAvailable' in spec && 'maxUnavailable' in spec ? ['both minAvailable and maxUnavailable'] : []),
      ...(isFitting ? [] : ['selects no pod']),
    ];
  },
};
