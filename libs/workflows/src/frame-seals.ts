import { KeyRing } from '@app/secrets';
import { Injectable } from '@nestjs/common';
import type { Effect, Frame } from './frame.js';

const PURPOSE = 'workflow-calls';

/** What a call sends may hold secrets, and is kept for whoever takes the run over: encrypted, so that no table shows it. */
@Injectable()
export class FrameSeals {
  constructor(private readonly keyRing: KeyRing) {}

  seal(frame: Frame): Frame {
    return withEffect(frame, ({ with: args, ...effect }) => ({
      ...effect,
      with: {},
      sealed: this.keyRing.encrypt(PURPOSE, JSON.stringify(args)),
    }));
  }

  /** @throws when the key that it was encrypted with is gone */
  open(frame: Frame): Frame {
    return withEffect(frame, ({ sealed, ...effect }) =>
      sealed === undefined
        ? effect
        : { ...effect, with: JSON.parse(this.keyRing.decrypt(PURPOSE, sealed)) as Record<string, unknown> },
    );
  }
}

type Call = Effect & { readonly kind: 'call' };

/** Agents are called as tasks, which have their messages as rows. */
function withEffect(frame: Frame, change: (call: Call) => Call): Frame {
  const { leaf } = frame;
  if (leaf?.effect.kind !== 'call' || leaf.effect.call === 'agent') return frame;
  return { ...frame, leaf: { ...leaf, effect: change(leaf.effect) } };
}
