import type { Random } from '../../support/random.js';

/** What a call is and what must come of it, whatever happens meanwhile. */
export interface Plan {
  readonly agent: string;
  /** Begins with the token by which the agents' ledger and our rows are brought together. */
  readonly message: string;
  readonly state: 'completed' | 'failed' | 'canceled';
  /** What its result says; nothing for a call that is canceled. */
  readonly says: string;
  /** The agent asks, and this is the answer. */
  readonly answer?: string;
}

type Make = (token: string, random: Random) => Plan;

const echo: Make = (token, random) => {
  const message = `${token} hello`;
  return { agent: random.pick(['echo', 'legacy-echo']), message, state: 'completed', says: message };
};

const STAGES = ['Looking for sources', 'Reading', 'Comparing what they say', 'Writing it up'];

const research: Make = (token, random) => {
  const message = `${token} in ${random.int(2, 25) * 100} ms`;
  const lines = STAGES.map(
    (stage, i) => `${i + 1}. ${stage}: done, nothing is made up because nothing was looked up.\n`,
  );
  const agent = random.pick(['researcher', 'researcher-plain', 'legacy-researcher']);
  return { agent, message, state: 'completed', says: `# ${message}\n\n${lines.join('')}` };
};

const longRunner: Make = (token, random) => {
  const seconds = random.int(1, 5);
  const agent = random.pick(['long-runner', 'long-runner-plain', 'legacy-long-runner']);
  const says = `Worked for ${seconds} s in 4 steps.`;
  return { agent, message: `${token} for ${seconds} s`, state: 'completed', says };
};

const question: Make = (token) => {
  const answer = `blue as ${token}`;
  const message = `${token} Paint the shed`;
  return { agent: 'asker', message, state: 'completed', says: `You chose: ${answer}`, answer };
};

const failure: Make = (token) => {
  const says = 'The database of this agent is on fire.';
  return { agent: 'flaky', message: `${token} please fail`, state: 'failed', says };
};

const canceled: Make = (token, random) => {
  const agent = random.pick(['long-runner', 'long-runner-plain', 'legacy-long-runner']);
  return { agent, message: `${token} for 10 min`, state: 'canceled', says: '' };
};

/** What all clients can do, about half of it long enough to be hit by a fault. */
const FOR_ALL = [echo, research, research, longRunner, longRunner, question, failure];

export const planFor = (token: string, random: Random): Plan => random.pick(FOR_ALL)(token, random);
export const planForRest = (token: string, random: Random): Plan =>
  random.pick([...FOR_ALL, canceled, canceled])(token, random);
