import { DomainError, isJsonObject } from '@app/core';
import type { Outbound } from '@app/outbound';
import { MAX_CARD_BYTES, readCard } from './card.js';
import { cleanJson } from './clean.js';
import type { FetchedCard } from './model.js';
import { fetchWith, parseOrUndefined, refusedCredentials, type Secrets } from './wire.js';

export interface FetchOptions extends Secrets {
  readonly signal: AbortSignal;
}

/** Where A2A ≥ 0.3 and 0.2 put the card. */
const WELL_KNOWN = ['.well-known/agent-card.json', '.well-known/agent.json'];

/** Finds the card that a base address, a card's address, or any other address of an agent leads to. */
export async function discoverCard(outbound: Outbound, url: string, options: FetchOptions): Promise<FetchedCard> {
  const tried: string[] = [];
  for (const candidate of candidates(url)) {
    try {
      const found = await fetchCard(outbound, candidate, options);
      if (found) return found;
    } catch (error) {
      // Nobody there, or not allowed to go there: the other addresses are at the same host.
      if (!(error instanceof CardMissing)) throw error;
      tried.push(`${shown(candidate)}: ${error.message}`);
    }
  }
  throw new DomainError('invalid', `No A2A agent card found. Tried ${tried.join('; ')}`);
}

/** The card at its known address; undefined when it is still the one with that ETag. */
export async function refetchCard(
  outbound: Outbound,
  known: { readonly url: string; readonly etag?: string },
  options: FetchOptions,
): Promise<FetchedCard | undefined> {
  try {
    return await fetchCard(outbound, known.url, options, known.etag);
  } catch (error) {
    if (!(error instanceof CardMissing)) throw error;
    throw new DomainError('unavailable', `The agent card at ${shown(known.url)} could not be read: ${error.message}`);
  }
}

/** There is an answer at an address, but no card. */
class CardMissing extends Error {}

/** Undefined: not modified. */
async function fetchCard(
  outbound: Outbound,
  url: string,
  options: FetchOptions,
  etag?: string,
): Promise<FetchedCard | undefined> {
  const headers = {
    accept: 'application/json',
    // Some agents show a card of this version only when asked for it.
    'a2a-version': '1.0',
    ...(etag !== undefined && { 'if-none-match': etag }),
  };
  const init = { headers, limits: { maxBytes: MAX_CARD_BYTES }, signal: options.signal };
  const response = await missingIfTooLarge(fetchWith(outbound, url, init, options));
  if (!response.ok) {
    await response.body?.cancel();
    if (response.status === 304 && etag !== undefined) return undefined;
    throw new CardMissing(describe(response.status, url, options));
  }
  const raw = cleanJson(parseOrUndefined(await missingIfTooLarge(response.text())));
  if (!isJsonObject(raw)) throw new CardMissing('not a JSON object');
  const newTag = response.headers.get('etag') ?? undefined;
  return { card: readHere(raw, response.url || url), raw, url, ...(newTag !== undefined && { etag: newTag }) };
}

function describe(status: number, url: string, secrets: Secrets): string {
  if (status !== 401 && status !== 403) return `HTTP ${status}`;
  return refusedCredentials(new URL(url).host, status, secrets).message;
}

/** What is too large for a card is none. */
const missingIfTooLarge = <T>(answer: Promise<T>): Promise<T> =>
  answer.catch((error: unknown) => {
    throw error instanceof DomainError && error.code === 'too_large' ? new CardMissing(error.message) : error;
  });

function readHere(raw: unknown, url: string): FetchedCard['card'] {
  try {
    return readCard(raw, url);
  } catch (error) {
    if (error instanceof DomainError) throw new CardMissing(error.message);
    throw error;
  }
}

/** Nearest first: an address with a path names one of several agents at its origin. */
function candidates(url: string): string[] {
  if (!URL.canParse(url)) throw new DomainError('invalid', 'Expected an absolute http or https URL');
  const given = new URL(url);
  given.hash = '';
  if (/[.]json$/i.test(given.pathname)) return [given.href];
  const folder = new URL(given);
  folder.search = '';
  if (!folder.pathname.endsWith('/')) folder.pathname += '/';
  const below = WELL_KNOWN.map((path) => new URL(path, folder).href);
  const atOrigin = WELL_KNOWN.map((path) => new URL(`/${path}`, folder).href);
  return [...new Set([...below, given.href, ...atOrigin])];
}

/** Without the query, which may hold a key. */
const shown = (url: string): string => url.replace(/[?#].*$/, '');
