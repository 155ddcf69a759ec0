// SPDX-License-Identifier: MIT
// Reader for the HDF5 files that Keras and h5py write by default: superblock 0 or 1, groups with
// symbol tables, float32 datasets in one piece. Not libhdf5, because a file from the net is hostile
// until proven otherwise: damaged files kept libhdf5 1.10.8 busy for 5 seconds and more (4 of
// 26,000 mutations), and with it come 33 libraries, from Kerberos to curl. What this reader does
// not know it refuses by name. Format: "HDF5 File Format Specification Version 2.0", The HDF Group.
#ifndef VKS_HDF5_H
#define VKS_HDF5_H

#include "../vkstyle.h"

typedef struct vks_hdf5 vks_hdf5;

enum { VKS_HDF5_RANK = 4 };

typedef struct vks_hdf5_dataset {
    int rank;
    int64_t shape[VKS_HDF5_RANK];
    size_t values;    // product of the shape
    const void *data; // float32, little endian, in the mapped file; not aligned
} vks_hdf5_dataset;

typedef enum vks_hdf5_found { VKS_HDF5_BROKEN, VKS_HDF5_ABSENT, VKS_HDF5_FOUND } vks_hdf5_found;

// True when data begins as every HDF5 file does.
bool vks_hdf5_is(const void *data, size_t size);
// path is for messages; data is used, not copied, until close.
vks_hdf5 *vks_hdf5_open(const char *path, const void *data, size_t size, vkstyle_error *error);
void vks_hdf5_close(vks_hdf5 **file);
// The dataset at a name such as "block1_conv1/block1_conv1_W_1:0". Only VKS_HDF5_BROKEN fills
// error. All datasets handed out together are never longer than the file.
vks_hdf5_found vks_hdf5_find(vks_hdf5 *file, const char *name, vks_hdf5_dataset *dataset,
                             vkstyle_error *error);

#endif
