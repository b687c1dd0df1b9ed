import { refuseFewClasses } from './array-targets.ts';
import { byCodePoint } from './code-point-order.ts';
import { MOST_CLASSES, MOST_ROWS, type ReadLimits } from './limits.ts';
import type { MadeDataset } from './made-dataset.ts';
import type { ImageFoldersOptions } from './options.ts';
import { refuseTestSplit } from './own-split.ts';
import { madeOfPictures, PictureRows } from './picture-rows.ts';
import { cut, Places } from './places.ts';
import { DatasetRefusedError } from './refusal.ts';
import { DEFAULT_TEST_SPLIT, type Split, splitRows } from './split.ts';
import { type ArchiveEntry, withArchive } from './zip.ts';

/**
 * A ZIP archive of PNG pictures in folders, one for each class, with or without folders train and test around them.
 * Where pictures lie deeper, the outermost folder is the class. Rows are numbered in code point order of the names, so
 * it does not matter how the archive was packed.
 */

interface FoundPicture {
  readonly entry: ArchiveEntry;
  /** The folders that it is in, outermost first. */
  readonly folders: readonly string[];
}

const PICTURE = /\.(png|jpe?g|gif|bmp|webp|tiff?)$/i;
const SPLIT_FOLDERS = ['train', 'test'];
const VALIDATION = /^(val|valid|validation)$/i;

/** @throws {DatasetRefusedError} */
export async function readImageFolders(
  path: string,
  options: ImageFoldersOptions,
  limits: ReadLimits,
): Promise<MadeDataset> {
  return await withArchive(path, limits, async (archive) => {
    const { pictures, others } = findPictures(archive.entries);
    const ownSplit = hasSplit(pictures);
    if (ownSplit) refuseTestSplit(options.test_split);
    const testSplit = options.test_split ?? DEFAULT_TEST_SPLIT;
    const depth = ownSplit ? 1 : 0;
    refuseLoose(pictures, depth);
    const classOf = (picture: FoundPicture): string => picture.folders[depth]!;
    const classes = [...new Set(pictures.map(classOf))].sort(byCodePoint);
    refuseFewClasses(classes.length);
    if (classes.length > MOST_CLASSES) {
      throw new DatasetRefusedError(
        `The pictures are in ${classes.length} folders; at most ${MOST_CLASSES} classes are taken.`,
      );
    }
    const index = new Map(classes.map((name, k) => [name, k]));
    const labels = Uint16Array.from(pictures, (picture) => index.get(classOf(picture))!);
    const split = ownSplit ? splitOfFolders(pictures) : splitRows(pictures.length, testSplit, labels);
    if (split.test.length === 0 || split.train.length === 0) {
      throw new DatasetRefusedError(
        `There are ${split.train.length} pictures for training and ${split.test.length} for testing; both need some. Send more pictures, or change test_split.`,
      );
    }
    const rows = new PictureRows(options.size ?? null, split.train, split.test, limits);
    for (const [row, { entry }] of pictures.entries()) {
      rows.add(await archive.read(entry), row, { file: cut(entry.name) });
    }
    const { notes, ...made } = rows.finish();
    return {
      ...madeOfPictures(made, labels, split, classes),
      options: {
        format: 'images',
        test_split: ownSplit ? null : testSplit,
        size: `${made.image.width}x${made.image.height}`,
      },
      notes: [
        ownSplit
          ? `The folders train and test have ${split.train.length} and ${split.test.length} pictures. Train pictures are in an order drawn by number.`
          : `${split.train.length} pictures are for training and ${split.test.length} for testing, drawn by number within each class.`,
        ...notes,
        ...(others > 0 ? [`${others} files are no pictures, and were left out.`] : []),
      ],
    };
  });
}

/** In code point order of their names. What systems add (__MACOSX, .DS_Store, Thumbs.db) does not count. */
function findPictures(entries: readonly ArchiveEntry[]): { pictures: FoundPicture[]; others: number } {
  const found: FoundPicture[] = [];
  let others = 0;
  for (const entry of entries) {
    const folders = entry.name.split('/').filter((part) => part !== '' && part !== '.');
    if (folders.some((part) => part.startsWith('.') || part === '__MACOSX' || part === 'Thumbs.db')) continue;
    folders.pop();
    if (PICTURE.test(entry.name)) found.push({ entry, folders });
    else others += 1;
  }
  if (found.length === 0) {
    throw new DatasetRefusedError(
      'The archive has no pictures. It must have PNG files in folders, one folder for each class: cat/1.png, dog/1.png.',
    );
  }
  if (found.length > MOST_ROWS) {
    throw new DatasetRefusedError(
      `The archive has ${found.length} pictures; at most ${MOST_ROWS} are taken.`,
    );
  }
  found.sort((a, b) => byCodePoint(a.entry.name, b.entry.name));
  return { pictures: withoutWrapping(found), others };
}

/** Without the folders around all of it, such as that of the archive's own name. */
function withoutWrapping(pictures: readonly FoundPicture[]): FoundPicture[] {
  const [{ folders: first }] = pictures as readonly [FoundPicture];
  let depth = 0;
  while (pictures.every(({ folders }) => folders.length > depth + 1 && folders[depth] === first[depth]))
    depth += 1;
  return pictures.map(({ entry, folders }) => ({ entry, folders: folders.slice(depth) }));
}

/** @throws {DatasetRefusedError} if some folders are of a split, and others are not. */
function hasSplit(pictures: readonly FoundPicture[]): boolean {
  const outer = new Set(pictures.map(({ folders }) => folders[0]?.toLowerCase()));
  if (!SPLIT_FOLDERS.every((name) => outer.has(name))) {
    if (outer.has('train') && [...outer].some((name) => name && VALIDATION.test(name))) {
      throw new DatasetRefusedError(
        'The archive has a folder train, and one for validation, but none named test. Name it test; validation rows are taken from train (validation_split).',
      );
    }
    return false;
  }
  const strays = [...outer].filter((name) => name === undefined || !SPLIT_FOLDERS.includes(name));
  if (strays.length > 0) {
    throw new DatasetRefusedError(
      `Beside the folders train and test there is ${strays
        .map((name) => name ?? 'a picture')
        .slice(0, 5)
        .join(
          ', ',
        )}. Move its pictures into train or test; validation rows are taken from train (validation_split).`,
    );
  }
  return true;
}

function refuseLoose(pictures: readonly FoundPicture[], depth: number): void {
  const loose = new Places('Each picture must be in a folder, which is its class: cat/1.png, dog/1.png.');
  for (const { entry, folders } of pictures) {
    if (folders.length <= depth)
      loose.add({ file: cut(entry.name), problem: 'It is in no folder of a class.' });
  }
  loose.refuse();
}

/** The train rows are drawn, since folders have them by class. */
function splitOfFolders(pictures: readonly FoundPicture[]): Split {
  const isTrain = (row: number): boolean => pictures[row]!.folders[0]!.toLowerCase() === 'train';
  const { train: drawn } = splitRows(pictures.length, 0, null);
  return {
    train: drawn.filter(isTrain),
    test: Uint32Array.from(pictures.keys()).filter((row) => !isTrain(row)),
  };
}
