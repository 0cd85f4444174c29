/** What a credential that opens something says about who shows it. */
export interface KeyHolder {
  readonly keyId: string;
  readonly principal: string;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  readonly expiresAt: Date | null;
}
