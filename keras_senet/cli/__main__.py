"""`python -m keras_senet.cli`, which is `keras-senet`."""

import sys

from keras_senet.cli import main

if __name__ == "__main__":
    sys.exit(main())
