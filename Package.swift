// swift-tools-version: 6.2
import PackageDescription

// One target per module, the same for the host (`swift test`) and for bare metal
// (`swift build --triple x86_64-unknown-none-elf --toolset toolset.json`): everything that differs
// between the two stands in toolset.json. An arrow in docs/architecture.md is a dependency here.

let settings: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableExperimentalFeature("Lifetimes"),
  .enableExperimentalFeature("SuppressedAssociatedTypes"),
]

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .testTarget(
    name: name + "Tests", dependencies: [.byName(name: name), "Support"] + dependencies,
    swiftSettings: [.treatAllWarnings(as: .error), .enableExperimentalFeature("Lifetimes")])
}

let package = Package(
  name: "BigIron",
  products: [.library(name: "Kernel", type: .static, targets: ["Kernel"])],
  targets: [
    .target(name: "CPU"),
    .target(name: "Assembly"),
    .target(name: "AllocationCounter"),
    module("Memory"),
    module("Firmware", ["Memory"]),
    module("EPT", ["Memory"]),
    module("PCI", ["Memory"]),
    module("Ethernet"),
    module("E1000", ["Memory", "Ethernet"]),
    module("Wire", ["Memory", "Ethernet"]),
    module("Cluster", ["Memory", "Ethernet", "Wire"]),
    module("Coherence", ["Memory", "Wire"]),
    module("Node", ["Memory", "Ethernet", "Wire", "Cluster", "Coherence"]),
    module("Debug"),
    module("VCPU", ["Memory", "CPU", "Assembly", "EPT"]),
    module("Machine", ["Memory", "VCPU"]),
    module("VMX", ["Memory", "CPU", "Assembly", "EPT", "VCPU"]),
    module("SVM", ["Memory", "CPU", "Assembly", "EPT", "VCPU"]),
    module(
      "Kernel",
      [
        "Memory", "CPU", "Assembly", "Firmware", "PCI", "E1000", "EPT", "Ethernet", "Wire", "Cluster",
        "Coherence", "Node", "Debug", "VCPU", "VMX", "SVM", "Machine",
      ]),
    .executableTarget(
      name: "Simulator",
      dependencies: [
        "CPU", "Memory", "Ethernet", "Wire", "Cluster", "Coherence", "Node", "AllocationCounter",
      ],
      swiftSettings: settings),
    .target(
      name: "Support", dependencies: ["Memory", "CPU", "Wire"], path: "Tests/Support",
      swiftSettings: [.treatAllWarnings(as: .error)]),
    tests("Memory"),
    tests("Firmware"),
    tests("EPT"),
    tests("VCPU"),
    tests("PCI"),
    tests("E1000", ["Ethernet"]),
    tests("Wire", ["CPU", "Memory", "Ethernet", "Coherence", "Node"]),
    tests("Cluster", ["CPU", "Ethernet", "Wire"]),
    tests("Coherence", ["Memory", "Wire"]),
    tests("Node", ["Memory", "Ethernet", "Wire", "Cluster", "Coherence", "Machine"]),
    tests("Simulator", ["CPU", "Memory", "Ethernet", "Wire", "Cluster", "Coherence", "Node"]),
    tests("Debug"),
    tests("Machine", ["VCPU"]),
    tests("VMX", ["EPT", "VCPU"]),
    tests("SVM", ["EPT", "VCPU"]),
  ],
  swiftLanguageModes: [.v6]
)
