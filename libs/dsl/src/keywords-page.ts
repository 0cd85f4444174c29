import { KEYWORDS } from './keywords.js';

/** `docs/workflow-keywords.md`. */
export function keywordsPage(): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|');
  const supported = KEYWORDS.filter(({ test }) => test !== undefined).map(
    ({ keyword, since = '', summary, test = '' }) =>
      `| \`${keyword}\` | ${since} | ${cell(summary)} | [${test}](../test/workflows/${test}) |`,
  );
  const refused = KEYWORDS.filter(({ test }) => test === undefined).map(
    ({ keyword, summary, instead = '' }) => `| \`${keyword}\` | ${cell(summary)} | ${cell(instead)} |`,
  );
  return [
    '# Keywords of workflow definitions',
    '',
    'Written by `npm run docs` from `libs/dsl/src/keywords.ts`. The language is CNCF Serverless Workflow DSL 1.0.3; what is marked',
    '"ours" is an addition that its schema allows. Every keyword is used by the example beside it, which the tests read and run.',
    '',
    '| Keyword | Since | What it says | Example |',
    '| --- | --- | --- | --- |',
    ...supported,
    '',
    '## Not supported',
    '',
    'A definition that has one of these is refused when it is registered.',
    '',
    '| Keyword | What it would say | Instead |',
    '| --- | --- | --- |',
    ...refused,
    '',
  ].join('\n');
}
