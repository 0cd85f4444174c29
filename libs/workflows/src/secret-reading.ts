/** Whether a text speaks of `$secrets`: jq has no other way to them. */
export const readsSecrets = (text: string): boolean => /\$secrets(?!\w)/.test(text);
