"""Pictures from tensors: grids, pairs, points in the plane. Drawing libraries load when first used."""
