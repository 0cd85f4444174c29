import type { Artifact, Part } from '@app/a2a';

/** An artifact as a file. */
export interface ArtifactContent {
  readonly bytes: Buffer;
  readonly type: string;
  /** Content-Disposition: what an agent made is for downloading, not for being run by a browser. */
  readonly disposition: string;
}

const BINARY = 'application/octet-stream';

/** A single file as itself, a single text as text, single data as JSON; everything else as the artifact in JSON. */
export function contentOf(artifact: Artifact): ArtifactContent {
  const [part, ...others] = artifact.parts;
  if (part?.raw !== undefined && others.length === 0) {
    const type = mediaTypeOf(part);
    return { bytes: Buffer.from(part.raw, 'base64'), type, disposition: `attachment${filename(part, artifact)}` };
  }
  if (part?.text !== undefined && others.length === 0) {
    const disposition = `inline${filename(part, artifact)}`;
    return { bytes: Buffer.from(part.text), type: 'text/plain; charset=utf-8', disposition };
  }
  const value = part?.data !== undefined && others.length === 0 ? part.data : artifact;
  return { bytes: Buffer.from(JSON.stringify(value)), type: 'application/json', disposition: 'inline' };
}

/** What an agent calls a media type goes into a header only when it is one. */
const mediaTypeOf = ({ mediaType = BINARY }: Part): string =>
  /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}(; ?[\w-]{1,64}=[\w.:-]{1,64})?$/.test(mediaType) ? mediaType : BINARY;

/** As RFC 6266 wants it: readable for everybody in ASCII, and as it is for who knows UTF-8. Never a path. */
function filename(part: Part, artifact: Artifact): string {
  const name = (part.filename ?? artifact.name ?? '').split(/[/\\]/).at(-1) ?? '';
  if (name === '') return '';
  const ascii = name.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const utf8 = encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
  return `; filename="${ascii}"${ascii === name ? '' : `; filename*=UTF-8''${utf8}`}`;
}
