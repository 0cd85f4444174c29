import { DomainError } from '@app/core';

/** The token is right, but was not made for this (RFC 6750 §3.1). */
export class InsufficientScope extends DomainError {
  constructor(readonly missing: readonly string[]) {
    super('forbidden', `The access token lacks the scope ${missing.join(' ')}`);
    this.name = 'InsufficientScope';
  }
}
