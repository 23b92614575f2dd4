import { convergence } from '../chaos/convergence.ts';

convergence('google');
