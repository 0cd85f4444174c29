import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import type { JsonObject } from '@app/core';

const KEY_BYTES = 32;
const KEY_ID = /^[A-Za-z0-9_-]{1,16}$/;
/** Nothing we seal is near it; nothing longer is hashed. */
const LONGEST_TOKEN = 16_384;
const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const FORMAT = 'v1';

/**
 * Seals what clients carry for us and encrypts what we keep. Each purpose has keys of its own, so a token made for one
 * opens for no other. The first key of the ring makes new tokens and texts, all keys open them.
 */
export class KeyRing {
  private readonly keys = new Map<string, Keys>();
  private readonly first: string;

  /** @throws when an entry is not `kid:key` with a key of 32 bytes in base64. */
  constructor(entries: readonly string[]) {
    for (const entry of entries) {
      const [id = '', key = ''] = entry.split(':', 2);
      const bytes = Buffer.from(key, 'base64');
      if (!KEY_ID.test(id) || bytes.length !== KEY_BYTES)
        throw new Error(`Key "${KEY_ID.test(id) ? id : '?'}" of the key ring is not kid:key with 32 bytes in base64`);
      if (this.keys.has(id)) throw new Error(`Key "${id}" stands twice in the key ring`);
      this.keys.set(id, new Keys(bytes));
    }
    const [first] = this.keys.keys();
    if (first === undefined) throw new Error('The key ring is empty');
    this.first = first;
  }

  /** A token that shows its payload to anybody but can be made and changed only here. */
  seal(purpose: string, payload: JsonObject, ttlMs: number): string {
    const body = Buffer.from(JSON.stringify([Date.now() + ttlMs, payload])).toString('base64url');
    const signed = `${this.first}.${body}`;
    return `${signed}.${mac(this.keysOf(this.first).forSealing(purpose), signed)}`;
  }

  /** The payload; undefined when the token is not ours, not for this purpose, or expired. Never throws. */
  open(purpose: string, token: string): JsonObject | undefined {
    if (token.length > LONGEST_TOKEN) return undefined;
    const idEnd = token.indexOf('.');
    const signedEnd = token.lastIndexOf('.');
    const keys = this.keys.get(token.slice(0, idEnd));
    if (keys === undefined || signedEnd <= idEnd) return undefined;
    const signed = token.slice(0, signedEnd);
    if (!areEqual(token.slice(signedEnd + 1), mac(keys.forSealing(purpose), signed))) return undefined;
    // Only we can have written this, so its shape is known.
    const text = Buffer.from(token.slice(idEnd + 1, signedEnd), 'base64url').toString();
    const [expiresAt, payload] = JSON.parse(text) as [number, JsonObject];
    return expiresAt > Date.now() ? payload : undefined;
  }

  /** A mac of the text by the first key, and which key that is. For what is kept, and checked with `signedWith`. */
  sign(purpose: string, text: string): { key: string; mac: string } {
    return { key: this.first, mac: mac(this.keysOf(this.first).forSealing(purpose), text) };
  }

  /** The mac that this key makes; undefined when the ring has no such key. */
  signedWith(purpose: string, key: string, text: string): string | undefined {
    const keys = this.keys.get(key);
    return keys && mac(keys.forSealing(purpose), text);
  }

  encrypt(purpose: string, plaintext: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const key = this.keysOf(this.first).forEncryption(purpose);
    const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
    const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return [FORMAT, this.first, nonce.toString('base64url'), ciphertext.toString('base64url')].join('.');
  }

  /** @throws when the key is missing (the message names it), or when the text was not encrypted here for this purpose. */
  decrypt(purpose: string, text: string): string {
    const [format, id = '', nonce = '', ciphertext = ''] = text.split('.');
    if (format !== FORMAT) throw new Error(`Encrypted text for ${purpose} is not in format ${FORMAT}`);
    const key = this.keysOf(id).forEncryption(purpose);
    const bytes = Buffer.from(ciphertext, 'base64url');
    try {
      const decipher = createDecipheriv(CIPHER, key, Buffer.from(nonce, 'base64url'), { authTagLength: TAG_BYTES });
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      return Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]).toString('utf8');
    } catch (cause) {
      throw new Error(`Encrypted text for ${purpose} does not open with key "${id}": altered, or another key`, {
        cause,
      });
    }
  }

  /** Whether a text that was encrypted here needs only the first key: the others may go as far as it is concerned. */
  isSealedWithFirst(text: string): boolean {
    return text.startsWith(`${FORMAT}.${this.first}.`);
  }

  private keysOf(id: string): Keys {
    const keys = this.keys.get(id);
    if (keys === undefined)
      throw new Error(`SECRET_KEYS has no key "${id}"; add it again to read what was encrypted with it`);
    return keys;
  }
}

/** For keys with enough entropy of their own; not for passwords. */
export function hashKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/** What is derived from one key. Purposes are words of our code, so there are few. */
class Keys {
  private readonly derived = new Map<string, KeyObject>();

  constructor(private readonly secret: Buffer) {}

  forSealing(purpose: string): KeyObject {
    return this.derive(`seal ${purpose}`);
  }

  forEncryption(purpose: string): KeyObject {
    return this.derive(`encrypt ${purpose}`);
  }

  private derive(use: string): KeyObject {
    const known = this.derived.get(use);
    if (known !== undefined) return known;
    const key = createSecretKey(Buffer.from(hkdfSync('sha256', this.secret, '', `a2a-mcp ${use}`, KEY_BYTES)));
    this.derived.set(use, key);
    return key;
  }
}

function mac(key: KeyObject, text: string): string {
  return createHmac('sha256', key).update(text).digest('base64url');
}

function areEqual(given: string, expected: string): boolean {
  const bytes = Buffer.from(given);
  return bytes.length === expected.length && timingSafeEqual(bytes, Buffer.from(expected));
}
