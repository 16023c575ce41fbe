import { basename } from 'node:path';
import { keep } from './cache.ts';
import { download } from './download.ts';
import type { Source } from './source.ts';
import { unpack } from './unpack.ts';

/** The variable that names another place to download from: every file directly beneath it, by its name. */
export const mirrorVariable = 'WEFT_TOOLS_MIRROR';

/** The publisher's own release, or a mirror of it; the pinned sum binds either way. */
export const fromRelease: Source = async (search) => {
  const { tool, env, platform, limits, signal } = search;
  const file = tool.release.files[platform];
  if (file === undefined) throw new Error(`no release is pinned for ${platform}`);
  const mirror = env[mirrorVariable];
  const url =
    mirror === undefined || mirror === ''
      ? file.url
      : `${mirror.replace(/\/+$/, '')}/${basename(new URL(file.url).pathname)}`;
  const archive = await download({ url, sha256: file.sha256 }, limits, signal);
  const program = unpack(archive, url.endsWith('.zip') ? 'zip' : 'tar.gz', tool.name);
  return keep(search, program, { from: url, source: 'release' });
};
