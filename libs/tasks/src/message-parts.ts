import { z } from 'zod';
import type { Part } from '@app/a2a';
import type { JsonObject } from '@app/core';

/** Long enough for any prompt, short enough to be told before it is sent anywhere. */
export const MAX_MESSAGE_LENGTH = 1_000_000;
export const MAX_FILES = 16;

export const FileInput = z
  .strictObject({
    uri: z.url().max(2_048).optional().describe('Where the agent finds the file.'),
    data: z.base64().optional().describe('The file itself, base64.'),
    mime: z.string().max(200).optional().describe('Media type, such as `image/png`.'),
    name: z.string().max(255).optional(),
  })
  .refine(({ uri, data }) => (uri === undefined) !== (data === undefined), {
    path: ['uri'],
    error: 'expected either uri or data',
  });

/** What a caller says to an agent. */
interface MessageInput {
  readonly message?: string;
  readonly files?: readonly z.infer<typeof FileInput>[];
  readonly data?: JsonObject;
}

/** The parts of the message: what is said first, then files, then data. */
export function partsOf({ message, files = [], data }: MessageInput): Part[] {
  return [
    ...(message === undefined ? [] : [{ text: message }]),
    ...files.map(({ uri, data: raw, mime, name }) => ({
      ...(raw === undefined ? { url: uri } : { raw }),
      ...(mime !== undefined && { mediaType: mime }),
      ...(name !== undefined && { filename: name }),
    })),
    ...(data === undefined ? [] : [{ data }]),
  ];
}
