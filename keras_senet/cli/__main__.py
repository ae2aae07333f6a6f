"""`python -m keras_senet.cli`, which is `keras-senet`."""

import sys

from keras_senet.cli import main

sys.exit(main())
