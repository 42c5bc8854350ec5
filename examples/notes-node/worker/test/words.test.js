import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countWords } from '../src/words.js';

test('words are what blanks part', () => {
  assert.equal(countWords('  one two\nthree '), 3);
  assert.equal(countWords(''), 0);
});
