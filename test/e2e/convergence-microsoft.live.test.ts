import { convergence } from '../chaos/convergence.ts';

convergence('microsoft');
