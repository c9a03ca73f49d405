import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [react()],
  // The page's policy allows no inline data but images.
  build: { assetsInlineLimit: 0, target: 'es2023', sourcemap: false },
  // The worker that colours code loads its grammars when it needs them.
  worker: { format: 'es' },
  // Long enough for a busy machine. Tests clean up after themselves, so files share a worker and its document.
  test: { testTimeout: 60_000, pool: 'threads', isolate: false },
});
