#include "Assembly.h"
