#include "CPU.h"
