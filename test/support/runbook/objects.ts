import type { Manifest } from '../helm.js';
import { specOf, templateOf } from '../manifest-policy.js';
import { openSocket } from '../ws-client.js';
import { must } from './must.js';
import type { Kind, Stage, Try } from './kinds.js';

const find = ({ manifests }: Stage, kind: string, name: string): Manifest => {
  const found = manifests.find((one) => one.kind === kind && one.metadata.name === name);
  if (found === undefined) throw new Error(`The chart renders no ${kind} ${name}`);
  return found;
};

export const podsWith = ({ manifests }: Stage, label: string): string[] => {
  const [key = '', value] = label.split('=');
  return manifests
    .filter((one) => templateOf(one)?.metadata?.labels?.[key] === value)
    .map(({ metadata }) => metadata.name);
};

const deployed: Try = ([, name = ''], stage) => {
  find(stage, 'Deployment', name);
};
const service: Try = ([, name = '', port], stage) => {
  const { ports } = specOf(find(stage, 'Service', name)) as unknown as { ports: { port: number }[] };
  must(port === undefined || ports.some((one) => one.port === Number(port)), `${name} has no port ${port}`);
};
const nothing: Try = () => undefined;

/** Lines that are about the cluster: what they name is what the chart renders. */
export const OBJECTS: readonly Kind[] = [
  [/^kubectl scale deployment\/(\S+) --replicas=\d+ -n a2a-mcp$/, 'object', deployed],
  [
    /^kubectl set image deployment\/(\S+) (\S+)=\S+ -n a2a-mcp$/,
    'object',
    ([, name = '', container], stage) => {
      const { containers } = templateOf(find(stage, 'Deployment', name))?.spec ?? { containers: [] };
      must(
        containers.some((one) => one.name === container),
        `no container ${container}`,
      );
    },
  ],
  [
    /^kubectl rollout (?:status|history|undo|restart) deployment\/(\S+)(?: --to-revision=(\d+))? -n a2a-mcp$/,
    'object',
    ([, name = '', revision = '0'], stage) => {
      const { revisionHistoryLimit } = specOf(find(stage, 'Deployment', name)) as { revisionHistoryLimit?: number };
      must((revisionHistoryLimit ?? 0) >= Number(revision), 'too few revisions are kept');
    },
  ],
  [
    /^kubectl (?:edit|get) hpa(?: (a2a\S+))? -n a2a-mcp$/,
    'object',
    ([, name = 'a2a-mcp-hpa'], stage) => void find(stage, 'HorizontalPodAutoscaler', name),
  ],
  [
    /^kubectl logs -n a2a-mcp -l (\S+) --tail=\d+$/,
    'object',
    ([, label = ''], stage) => must(podsWith(stage, label).length === 1, `${label} finds other pods too`),
  ],
  [/^kubectl port-forward -n a2a-mcp svc\/(\S+) \d+:(\d+)$/, 'object', service],
  [/^kubectl describe svc\/(\S+) -n a2a-mcp$/, 'object', service],
  [
    /^kubectl wait --for=condition=ready pod -l (\S+) -n a2a-mcp$/,
    'object',
    ([, label = ''], stage) => must(podsWith(stage, label).length > 0, `${label} finds nothing`),
  ],
  [
    /^wscat -c ws:\/\/<loadbalancer-ip>:(8787)$/,
    'object',
    async ([line, port = ''], stage) => {
      await service([line, 'a2a-mcp-websocket', port] as unknown as RegExpExecArray, stage);
      await using client = await openSocket(stage.server.streamUrl);
      await client.next(({ type }) => type === 'hello');
    },
  ],
  [
    /^kubectl get pods -n a2a-mcp \| grep (postgres)$/,
    'cluster',
    ([, name = ''], stage) => void find(stage, 'StatefulSet', name),
  ],
  [
    /^kubectl delete pod <postgres-pod-name> -n a2a-mcp$/,
    'cluster',
    (_, stage) => void find(stage, 'StatefulSet', 'postgres'),
  ],
  [/^kubectl logs -n a2a-mcp <pod-name>/, 'cluster', nothing],
  [
    /^kubectl (?:drain|uncordon) <node-name>/,
    'cluster',
    (_, stage) => void find(stage, 'PodDisruptionBudget', 'a2a-mcp-pdb'),
  ],
  [/^kubectl (?:get (?:pods|nodes)|top (?:pods|nodes))(?: -n a2a-mcp)?$/, 'cluster', nothing],
];
