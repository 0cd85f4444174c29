// The conformance suites import fs.globSync, which Node 20 lacks, for a command we do not run: give them one that says so.
import { register } from 'node:module';

const fs = `
  export * from 'node:fs';
  export { default } from 'node:fs';
  export const globSync = () => { throw new Error('fs.globSync needs Node 22'); };
`;
const hooks = `
  const fs = ${JSON.stringify(`data:text/javascript,${encodeURIComponent(fs)}`)};
  export async function resolve(specifier, context, next) {
    const isSuite = specifier === 'fs' && context.parentURL?.includes('/conformance');
    return isSuite ? { url: fs, format: 'module', shortCircuit: true } : next(specifier, context);
  }
`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
