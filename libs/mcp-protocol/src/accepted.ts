import { errorMessage, RpcCode, RpcError } from './rpc.js';
import type { Wire } from './wire.js';

/** Says "taken" (202) when the message is where others find it: what was said to be taken must not die with this process. */
export function acceptWhen(passed: void | Promise<void>, wire: Wire): void {
  if (!(passed instanceof Promise)) return wire.end(202);
  passed.then(
    () => wire.end(202),
    () => wire.end(503, errorMessage(undefined, new RpcError(RpcCode.refused, 'Could not be kept; send it again'))),
  );
}
