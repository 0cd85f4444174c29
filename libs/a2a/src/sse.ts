import { DomainError } from '@app/core';

/** The record separator with which VoltAgent begins its events. */
const RECORD_SEPARATOR = '\x1e';

/** Yields the data of each server-sent event; the body is let go however the reading ends. */
export async function* readSse(body: AsyncIterable<Uint8Array>, maxEventLength: number): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let pending = '';
  let data: string | undefined;
  for await (const chunk of body) {
    const lines = decoder.decode(chunk, { stream: true }).split('\n');
    lines[0] = pending + lines[0];
    pending = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '' || line === '\r') {
        if (data) yield withoutSeparator(data);
        data = undefined;
      } else if (line.startsWith('data:')) {
        data = (data === undefined ? '' : `${data}\n`) + fieldValue(line);
      }
      refuseIfLonger(data, maxEventLength);
    }
    refuseIfLonger(pending, maxEventLength);
  }
  if (pending.startsWith('data:')) data = (data === undefined ? '' : `${data}\n`) + fieldValue(pending);
  if (data) yield withoutSeparator(data);
}

/** The value of a field without the one blank that may precede it and the carriage return that may end it. */
function fieldValue(line: string): string {
  const start = line.startsWith('data: ') ? 6 : 5;
  return line.endsWith('\r') ? line.slice(start, -1) : line.slice(start);
}

const withoutSeparator = (data: string) => (data.startsWith(RECORD_SEPARATOR) ? data.slice(1) : data);

function refuseIfLonger(text: string | undefined, maxLength: number): void {
  if (text !== undefined && text.length > maxLength) {
    throw new DomainError('too_large', `The agent sent an event of more than ${maxLength} characters`);
  }
}
