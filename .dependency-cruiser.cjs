/** The layering of libs/, lowest first. A lib may import only from rows above its own. */
const tiers = [
  ['core'],
  ['config'],
  ['telemetry', 'secrets', 'web', 'expressions', 'dsl'],
  ['database', 'cache', 'outbound'],
  ['audit', 'a2a', 'durable', 'mcp-protocol'],
  ['rate-limits', 'calls', 'workflow-secrets'],
  ['permissions'],
  ['agents'],
  ['tasks'],
  ['workflows'],
  ['control'],
  ['mcp'],
  ['streaming'],
];
const inLibs = (names) => `^libs/(${names.join('|')})/`;
const upward = tiers.flatMap((tier, i) =>
  tier.map((lib) => ({
    name: `${lib}-imports-only-below`,
    severity: 'error',
    from: { path: inLibs([lib]) },
    to: {
      path: [
        '^apps/',
        '^test/',
        inLibs(
          tiers
            .slice(i)
            .flat()
            .filter((other) => other !== lib),
        ),
      ],
    },
  })),
);
const rule = (name, from, to) => ({ name, severity: 'error', from, to });

module.exports = {
  forbidden: [
    ...upward,
    rule('no-cycles', {}, { circular: true }),
    rule(
      'libs-only-through-index',
      { path: '^libs/([^/]+)/' },
      { path: '^libs/[^/]+/src/(?!index[.]ts$)', pathNot: '^libs/$1/' },
    ),
    rule('apps-only-through-index', { path: '^(apps|test)/' }, { path: '^libs/[^/]+/src/(?!index[.]ts$)' }),
    rule('never-own-index', { path: '^libs/([^/]+)/' }, { path: '^libs/$1/src/index[.]ts$' }),
    rule('core-is-pure', { path: '^libs/core/' }, { path: 'node_modules' }),
    rule(
      'one-home-for-a2a',
      { path: '^(apps|libs)/', pathNot: '^(libs/a2a|apps/demo-agent)/' },
      { path: 'node_modules/@a2a-js/' },
    ),
    rule(
      'one-home-for-mcp',
      { path: '^(apps|libs)/', pathNot: '^libs/(mcp|mcp-protocol|calls)/' },
      { path: 'node_modules/@modelcontextprotocol/' },
    ),
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
  },
};
