import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [react()],
  // The page's policy allows no inline data but images.
  build: { assetsInlineLimit: 0, target: 'es2023', sourcemap: false },
});
