import DOMPurify from 'dompurify';

// Mermaid cleans labels by the DOM of a browser. The grammar, which is what is tested here, does not need one.
Object.assign(DOMPurify, { sanitize: (text: string) => text, addHook: () => undefined });

export const { default: mermaid } = await import('mermaid');

/** In which states a picture shows the boxes with these names: what is coloured, by name. */
export function coloursIn(graph: string): Record<string, string> {
  const names = new Map(
    [...graph.matchAll(/^ *(?:subgraph )?([ng]\d+)\W+?"([^"<]*)/gm)].map(([, id, name]) => [id, name]),
  );
  const classes = [...graph.matchAll(/^ *class (\S+) (\w+)$/gm)];
  return Object.fromEntries(
    classes.flatMap(([, ids = '', state = '']) => ids.split(',').map((id) => [names.get(id) ?? id, state])),
  );
}
